import { open } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import type { EngineChoice } from "./engine.js";

/** Bytes of memory that there are for this process, and that are free now where the system can tell. */
export interface MemoryLimits {
  readonly total: number;
  readonly free?: number;
}

/** What the machine, or the container around the process, allows. */
export function memoryLimits(): MemoryLimits {
  const machine = totalmem();
  const allowed = process.constrainedMemory?.() ?? 0; // 0 or astronomical without a limit
  const limited = allowed > 0 && allowed < machine;
  const total = limited ? allowed : machine;
  // macOS counts as free only what nothing ever used.
  if (process.platform === "darwin") return { total };
  return { total, free: limited ? Math.min(freemem(), allowed - process.memoryUsage.rss()) : freemem() };
}

/** Bytes of a file's tensors as float32, by its header; undefined for what is no safetensors file. */
export async function sizeOfWeights(path: string): Promise<number | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  try {
    const start = Buffer.alloc(8);
    if (!file || (await file.read(start, 0, 8, 0)).bytesRead < 8) return undefined;
    const length = Number(start.readBigUInt64LE());
    if (length > Math.min((await file.stat()).size - 8, 100_000_000)) return undefined;
    const header = Buffer.alloc(length);
    await file.read(header, 0, length, 8);
    let elements = 0;
    for (const [name, tensor] of Object.entries(
      JSON.parse(header.toString("utf8")) as Record<string, { shape: number[] }>,
    ))
      if (name !== "__metadata__") elements += tensor.shape.reduce((a, b) => a * b, 1);
    return Number.isFinite(elements) ? 4 * elements : undefined;
  } catch {
    return undefined; // whoever reads it in earnest says what is wrong
  } finally {
    await file?.close();
  }
}

// Measured with ViT-B/16 sizes, rounded up: as read, as the engine holds them, and while one becomes the other.
const COPIES = { onnx: 3, tfjs: 3 } as const;
// Towers work in parts of at most so much; what a thousand classes keep for their gradient is some four times the weights.
const MOST_WORKING_MEMORY = 2 * 2 ** 30;

/** Bytes that a model takes at its most in one thread. */
export function memoryOfModel(weights: number, { engine }: EngineChoice): number {
  return COPIES[engine] * weights + Math.min(4 * weights, MOST_WORKING_MEMORY);
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/**
 * Refuses a model that needs more memory than there is, before it is loaded; returns a warning if it needs more than is free now.
 *
 * @throws an Error of one line with both numbers
 */
export async function checkMemory(
  { weights, engine }: { weights: string; engine: EngineChoice },
  { total, free }: MemoryLimits = memoryLimits(),
): Promise<string | undefined> {
  const size = await sizeOfWeights(weights);
  if (size === undefined) return undefined;
  const needed = memoryOfModel(size, engine);
  if (needed > total)
    throw new Error(
      `weights: ${weights} needs about ${gib(needed)} of memory (${gib(size)} of weights as float32), but there are ${gib(total)} in all; take a smaller model, or a machine with more`,
    );
  if (free !== undefined && needed > free)
    return `warning: ${weights} needs about ${gib(needed)} of memory, and ${gib(free)} are free; if the system ends the process, close other programs or take a smaller model`;
  return undefined;
}

/** How many copies of a model may be open at once, each in a worker: as many as are asked for and fit into free memory, at least one. */
export async function fittingWorkers(
  wanted: number,
  { weights, engine }: { weights: string; engine: EngineChoice },
  { total, free = total }: MemoryLimits = memoryLimits(),
): Promise<number> {
  const size = await sizeOfWeights(weights);
  if (size === undefined) return wanted;
  return Math.max(1, Math.min(wanted, Math.floor(free / memoryOfModel(size, engine))));
}

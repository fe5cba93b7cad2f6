import { readFile } from "node:fs/promises";
import { freemem, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { openTensorFile } from "@locoop/clip";
import { openFileSource } from "@locoop/clip/node";
import type { EngineChoice } from "./engine.js";
import { filesOfIndex } from "./hub-model.js";

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

/**
 * Bytes of all tensors as float32, by what a file of any format says of them, or all files of an index; undefined for what
 * cannot be read.
 */
export async function sizeOfWeights(path: string): Promise<number | undefined> {
  try {
    const shards = path.endsWith(".index.json") ? filesOfIndex(await readFile(path, "utf8")) : undefined;
    const files = shards?.map((name) => join(dirname(path), name)) ?? [path];
    let elements = 0;
    for (const file of files) elements += await countElements(file);
    return 4 * elements;
  } catch {
    return undefined; // whoever reads it in earnest says what is wrong
  }
}

async function countElements(path: string): Promise<number> {
  const source = await openFileSource(path);
  try {
    const { entries } = await openTensorFile(source);
    return [...entries.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  } finally {
    await source.close();
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

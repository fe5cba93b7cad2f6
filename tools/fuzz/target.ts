import type { Random } from "../../packages/clip/src/index.js";

/** What a reader did with one input, besides loading or refusing it. */
export interface Report {
  /** Opcodes run, tensors listed: what a reader counts itself. */
  steps: number;
  /** Of the source, by its `read`. */
  bytesRead: number;
  /** Bytes of what the reader gave. */
  result: number;
  /** Bytes of buffers that were alive at once, where the target measured it by collecting garbage. */
  peak?: number;
  /** Run when memory and time are no longer counted. */
  check?: () => void;
  /** What a target finds wrong by itself. */
  fault?: string;
}

/** One reader with the files it is tried on. */
export interface Target {
  readonly name: string;
  /** Of all inputs, relative to the other targets. */
  readonly weight: number;
  readonly seeds: readonly Uint8Array[];
  mutate(bytes: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array;
  /** Runs the reader; a refusal is what it throws. `file` is the name that a refusal must say, where `namesFile`. */
  run(bytes: Uint8Array, file: string, report: Report): Promise<void> | void;
  readonly namesFile: boolean;
  /** What the reader calls its input, where it cannot be told a name. */
  readonly file?: string;
  /** Bytes of memory that an input of `size` bytes may ask for at once, and that its result may have. */
  memory(size: number): number;
  /** Bytes that it may ask for in all, what is no longer used included. */
  memoryInAll(size: number): number;
}

/** The bound for archives: four times the file and 1 MB at once; pieces that are read and thrown away come to more in all. */
export const archiveMemory: Pick<Target, "memory" | "memoryInAll"> = {
  memory: (size) => 4 * size + 2 ** 20,
  memoryInAll: (size) => 16 * size + 2 ** 21,
};

/** Work is linear in the file: no opcode runs twice, and its bytes are read a stated number of times. */
export function checkWork({ steps, bytesRead }: Report, size: number): string | undefined {
  if (steps > size) return `ran ${steps} opcodes of a file of ${size} bytes`;
  if (bytesRead > 12 * size + 2 ** 20) return `read ${bytesRead} bytes of a file of ${size}`;
  return undefined;
}

import { fileURLToPath } from "node:url";
import { ImageError } from "@locoop/clip/node";
import { Tinypool } from "tinypool";
import { type PictureRequest, readPixels } from "./read-pixels.js";

/** Pixels [B,S,S,3] of the pictures that could be read, whose places in the list are `good`, and why the others could not. */
export interface DecodedPictures {
  readonly good: readonly number[];
  readonly data: Uint8Array;
  readonly errors: readonly { readonly index: number; readonly error: Error }[];
}

/** Reads pictures and scales them to a model's input. */
export interface Decoder {
  /** How many lists to ask for before the first one is used. */
  readonly ahead: number;
  decode(requests: readonly PictureRequest[], size: number): Promise<DecodedPictures>;
}

/** Decodes in this thread: sharp's own threads read files, the scaling is this thread's work. */
export const inlineDecoder: Decoder = {
  ahead: 1,
  async decode(requests, size) {
    const read = await Promise.allSettled(requests.map((request) => readPixels(request, size)));
    const pixels = read.map((result) => (result.status === "fulfilled" ? result.value : (result.reason as Error)));
    return packRows(requests.length, size, (row) => pixels[row]!);
  },
};

/** What a decode worker is given: it writes the pictures' pixels from `row` on. */
export interface DecodeTask {
  readonly requests: readonly PictureRequest[];
  readonly size: number;
  readonly pixels: SharedArrayBuffer;
  readonly row: number;
}

/** An error as it travels between threads. */
export interface DecodeFailure {
  readonly row: number;
  readonly name: string;
  readonly message: string;
  readonly picture?: { readonly path: string; readonly reason: string };
}

/**
 * What a pool is told to start: the compiled entry also where the sources are TypeScript (tests), without the flags by which these
 * are found. A worker knows no other loader.
 */
export function workerEntry(name: string): { filename: string; execArgv?: string[] } {
  const path = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const compiled = path.replace(/([\\/])src([\\/]node[\\/][\w-]+\.js)$/, "$1dist$2");
  return compiled === path ? { filename: path } : { filename: compiled, execArgv: [] };
}

// Eight keep any tower on a CPU busy; sharp decodes at most four pictures at a time anyway.
const MOST_WORKERS = 8;

/**
 * Decodes in worker threads while the caller's thread computes, in order and to the same bytes. A worker is given all its work in
 * advance, since a thread that computes hands out none. The caller disposes it.
 */
export function createDecoder({ threads }: { threads: number }): Decoder & { dispose(): Promise<void> } {
  const workers = Math.min(threads, MOST_WORKERS);
  // A list is shared out to at most four workers: soon ready, and few messages.
  const parts = Math.min(workers, 4);
  const ahead = Math.max(2, Math.ceil(workers / parts) + 1);
  const pool = new Tinypool({
    ...workerEntry("decode-worker"),
    minThreads: 1,
    maxThreads: workers,
    concurrentTasksPerWorker: Math.ceil(((ahead + 1) * parts) / workers),
    idleTimeout: 600_000,
    trackUnmanagedFds: false,
  });
  const spare: SharedArrayBuffer[] = [];
  return {
    ahead,
    async decode(requests, size) {
      const bytes = requests.length * size * size * 3;
      const fitting = spare.findIndex((buffer) => buffer.byteLength >= bytes);
      const pixels = fitting >= 0 ? spare.splice(fitting, 1)[0]! : new SharedArrayBuffer(bytes);
      const step = Math.ceil(requests.length / parts);
      const tasks: Promise<DecodeFailure[]>[] = [];
      for (let row = 0; row < requests.length; row += step) {
        const task: DecodeTask = { requests: requests.slice(row, row + step), size, pixels, row };
        tasks.push(pool.run(task, { name: "decode" }) as Promise<DecodeFailure[]>);
      }
      const failures = (await Promise.all(tasks)).flat();
      const failed = new Map(failures.map((failure) => [failure.row, revive(failure)]));
      const stride = size * size * 3;
      // Copied out of shared memory, which the next pictures are decoded to.
      const decoded = packRows(
        requests.length,
        size,
        (row) => failed.get(row) ?? new Uint8Array(pixels, row * stride, stride),
      );
      if (spare.length <= ahead) spare.push(pixels);
      return decoded;
    },
    dispose: () => pool.destroy(),
  };
}

function revive({ name, message, picture }: DecodeFailure): Error {
  return picture ? new ImageError(picture.path, picture.reason) : Object.assign(new Error(message), { name });
}

function packRows(count: number, size: number, pixelsOf: (row: number) => Uint8Array | Error): DecodedPictures {
  const good: number[] = [];
  const rows: Uint8Array[] = [];
  const errors: { index: number; error: Error }[] = [];
  for (let index = 0; index < count; index++) {
    const pixels = pixelsOf(index);
    if (pixels instanceof Error) errors.push({ index, error: pixels });
    else {
      good.push(index);
      rows.push(pixels);
    }
  }
  const stride = size * size * 3;
  const data = new Uint8Array(rows.length * stride);
  rows.forEach((row, i) => data.set(row, i * stride));
  return { good, data, errors };
}

// What a decode worker thread does: pictures to pixels in memory that the caller shares. Tinypool calls it by name.
import { ImageError } from "@locoop/clip/node";
import sharp from "sharp";
import type { DecodeFailure, DecodeTask } from "./decoder.js";
import { readPixels } from "./read-pixels.js";

// The pool is what uses several cores: one thread a picture.
sharp.concurrency(1);

// Two pictures at a time, first come, first served: one is decoded by sharp while the other is scaled here.
const lanes = [Promise.resolve(), Promise.resolve()];
let count = 0;

function queue(job: () => Promise<void>): Promise<void> {
  const lane = count++ % lanes.length;
  const done = lanes[lane]!.then(job);
  lanes[lane] = done;
  return done;
}

/** Decodes pictures into their rows [S,S,3] of `pixels`; says which could not be read, and why. */
export async function decode({ requests, size, pixels, row }: DecodeTask): Promise<DecodeFailure[]> {
  const stride = size * size * 3;
  const out = new Uint8Array(pixels);
  const failures: DecodeFailure[] = [];
  const read = (i: number) => async (): Promise<void> => {
    try {
      out.set(await readPixels(requests[i]!, size), (row + i) * stride);
    } catch (error) {
      const { name, message } = error as Error;
      const picture = error instanceof ImageError ? { path: error.path, reason: error.reason } : undefined;
      failures.push({ row: row + i, name, message, picture });
    }
  };
  await Promise.all(requests.map((_, i) => queue(read(i))));
  return failures;
}

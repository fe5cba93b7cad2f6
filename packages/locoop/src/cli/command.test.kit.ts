// The command line as its user meets it: a child process of the built package (`npm test` builds first).
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { createRandom } from "@locoop/clip";
import sharp from "sharp";

export const runFile = promisify(execFile);
export const bin = join(resolve(import.meta.dirname, "../.."), "bin/locoop.js");

/** How a command ended. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `locoop` in a folder to its end, whatever its exit code. */
export async function runLocoop(cwd: string, args: readonly string[]): Promise<Result> {
  try {
    const { stdout, stderr } = await runFile(process.execPath, [bin, ...args], { cwd, maxBuffer: 1 << 26 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Result;
    return { code, stdout, stderr };
  }
}

/** Writes a picture of coloured noise around a disc, by its seed. */
export async function draw(
  path: string,
  colour: readonly [number, number, number],
  seed: string,
  { width = 80, height = 64 }: { width?: number; height?: number } = {},
): Promise<void> {
  const random = createRandom(seed);
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const inside = Math.hypot((i % width) - width / 2, Math.floor(i / width) - height / 2) < 20;
    colour.forEach((c, k) => (pixels[i * 3 + k] = inside ? c : random.integer(256)));
  }
  await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
}

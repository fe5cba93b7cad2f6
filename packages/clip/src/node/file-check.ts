import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What a whole file must be: the SHA-256 of its bytes, or what git calls them (of Hugging Face's small files). */
export interface Checksum {
  readonly kind: "sha256" | "git";
  /** Hexadecimal, lower case. */
  readonly value: string;
}

export interface CheckOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** How a checksum is written in messages and notes. */
export const describeChecksum = ({ kind, value }: Checksum): string =>
  `${kind === "sha256" ? "SHA-256" : "git object"} ${value}`;

/** Hashes a whole file from disk, as hexadecimal. */
export async function hashFile(
  path: string,
  kind: Checksum["kind"],
  { signal, onProgress }: CheckOptions = {},
): Promise<string> {
  const { size } = await stat(path);
  const hash = createHash(kind === "sha256" ? "sha256" : "sha1");
  if (kind === "git") hash.update(`blob ${size}\0`);
  let done = 0;
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    hash.update(part as Uint8Array);
    onProgress?.((done += (part as Uint8Array).length), size);
  }
  return hash.digest("hex");
}

// Beside the file: that it was checked, and what it looked like then. Hashing gigabytes at every start would be felt.
const stampOf = (path: string): string => join(dirname(path), `.${basename(path)}.checked.json`);

async function describeChecked(path: string, checksum: Checksum): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return JSON.stringify({ size, changed: mtimeMs, checksum: describeChecksum(checksum) });
}

/** Remembers that a file is right. */
export async function rememberChecked(path: string, checksum: Checksum): Promise<void> {
  // A read-only cache is hashed every time.
  await writeFile(stampOf(path), await describeChecked(path, checksum)).catch(() => {});
}

/**
 * Checks a file that is there: "right", or what its checksum is instead. What was right is remembered beside the file with its
 * size and time of change, and not hashed again until one of them differs.
 */
export async function checkFile(
  path: string,
  expected: Checksum,
  options: CheckOptions = {},
): Promise<"right" | Checksum> {
  const now = await describeChecked(path, expected);
  if ((await readFile(stampOf(path), "utf8").catch(() => undefined)) === now) return "right";
  const value = await hashFile(path, expected.kind, options);
  if (value !== expected.value) return { kind: expected.kind, value };
  await rememberChecked(path, expected);
  return "right";
}

import { randomBytes } from "node:crypto";
import { type FileHandle, link, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UsageError } from "./errors.js";
import { exists } from "./files.js";

/** A tensor to be written: its values are asked for when its turn comes, and let go afterwards. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: "F32" | "F16";
  readonly shape: readonly number[];
  read(): Float32Array | Uint16Array;
}

const width = { F32: 4, F16: 2 } as const;

/** What is said where a file is in the way. */
export const taken = (path: string): UsageError =>
  new UsageError(`${path} exists; choose another name, or replace it with --force`);

/**
 * Writes tensors one by one as a safetensors file, whole or not at all: to a neighbour that takes the name when it is flushed to disk.
 * A file that has the name, or gets it meanwhile, is replaced with `force` only. Resolves to its size in bytes.
 */
export async function writeTensors(
  path: string,
  tensors: readonly TensorToWrite[],
  { metadata, force, signal }: { metadata: Readonly<Record<string, string>>; force: boolean; signal?: AbortSignal },
): Promise<number> {
  // Wide numbers first: every tensor lies at a multiple of its own width.
  const order = [...tensors].sort((a, b) => width[b.dtype] - width[a.dtype] || (a.name < b.name ? -1 : 1));
  const { header, size } = layOut(order, metadata);
  if (!force && (await exists(path))) throw taken(path);
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await writeAll(file, header);
      for (const tensor of order) {
        signal?.throwIfAborted();
        await writeAll(file, bytesOf(tensor));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await takeName(temporary, path, { force });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return size;
}

function layOut(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): { header: Uint8Array; size: number } {
  let position = 0;
  const description = tensors.map(({ name, dtype, shape }): [string, unknown] => {
    const begin = position;
    position += shape.reduce((a, b) => a * b, width[dtype]);
    return [name, { dtype, shape, data_offsets: [begin, position] }];
  });
  const json = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(description) }));
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return { header, size: header.length + position };
}

function bytesOf({ name, dtype, shape, read }: TensorToWrite): Uint8Array {
  const data = read();
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const expected = shape.reduce((a, b) => a * b, width[dtype]);
  if (bytes.length !== expected)
    throw new Error(`tensor "${name}" has ${bytes.length} bytes, its shape [${shape.join(",")}] asks for ${expected}`);
  return bytes;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.length - done, 2 ** 28));
    done += bytesWritten;
  }
}

async function takeName(temporary: string, path: string, { force }: { force: boolean }): Promise<void> {
  if (!force) {
    // A link, unlike a renaming, fails where the name is taken.
    const error = await link(temporary, path).then(
      () => undefined,
      (reason: NodeJS.ErrnoException) => reason,
    );
    if (!error) return rm(temporary, { force: true });
    if (error.code === "EEXIST" || (await exists(path))) throw taken(path);
    // A file system without links.
  }
  await rename(temporary, path);
}

import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTensorFile } from "../weights/tensor-file.js";
import { openFileSource } from "./file-source.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-source-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("reads what is asked for, and refuses what is not there", async () => {
  const path = join(folder, "letters");
  await writeFile(path, "abcdef");
  const file = await openFileSource(path);
  expect([file.name, file.size]).toEqual([path, 6]);
  expect([...(await file.read(2, 3))]).toEqual([99, 100, 101]);
  expect((await file.read(6, 0)).length).toBe(0);
  await expect(file.read(4, 3)).rejects.toThrow(`${path}: damaged or cut short: bytes 4 to 7 are asked for, it has 6`);
  await expect(file.read(-1, 3)).rejects.toThrow("bytes -1 to 2 are asked for");
  await truncate(path, 3);
  await expect(file.read(2, 3)).rejects.toThrow(`${path}: became shorter while it was read`);
  await file.close();
  await expect(openFileSource(join(folder, "nothing"))).rejects.toThrow("ENOENT");
});

it("reads a tensor that lies beyond 4 GiB", async () => {
  const path = join(folder, "large");
  const size = 5 * 2 ** 30; // sparse: it takes no place on the disk
  const header = JSON.stringify({
    hole: { dtype: "U8", shape: [size], data_offsets: [0, size] },
    last: { dtype: "F32", shape: [2], data_offsets: [size, size + 8] },
  });
  const handle = await open(path, "w");
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(header.length));
  await handle.write(Buffer.concat([start, Buffer.from(header)]), 0, undefined, 0);
  await handle.write(Buffer.from(Float32Array.of(1.5, -2).buffer), 0, undefined, 8 + header.length + size);
  await handle.close();
  const source = await openFileSource(path);
  const file = await openTensorFile(source);
  expect(await file.read("last")).toEqual({ data: Float32Array.of(1.5, -2), shape: [2] });
  await source.close();
});

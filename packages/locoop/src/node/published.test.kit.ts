import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Floats } from "@locoop/clip";
import type { Writable } from "../../../clip/src/weights/pickle.test.kit.js";
import { floatStorage, tensor, torchParts, writeZip } from "../../../clip/src/weights/torch-archive.test.kit.js";

/** Writes contexts as Dassl saves them, with a token prefix of another class list, which no loader may take. */
export async function writeDasslCheckpoint(path: string, { data, shape }: Floats, epoch = 50): Promise<void> {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const ctx = floatStorage("0", [...data]);
  const prefix = floatStorage("1", [1, 2, 3, 4]);
  const state = new Map<Writable, Writable>([
    ["ctx", tensor(ctx, { shape, strides })],
    ["token_prefix", tensor(prefix, { shape: [2, 1, 2], strides: [2, 2, 1] })],
  ]);
  const value = new Map<Writable, Writable>([
    ["state_dict", state],
    ["epoch", epoch],
    ["val_result", null],
  ]);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, writeZip(torchParts(value, { storages: [ctx, prefix], root: "model.pth" }), { zip64: true }));
}

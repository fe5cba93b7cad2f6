import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { fillRange } from "../towers/full-size.test.kit.js";
import type { ByteSource } from "./byte-source.js";
import type { WeightMap } from "./names.js";
import { number, assemble, type Writable } from "./pickle.test.kit.js";
import { readWeights } from "./read-weights.js";
import { tensor, torchParts, virtualZip, type Formula, type TestStorage } from "./torch-archive.test.kit.js";

// ViT-B/16 in full, all 149,620,737 parameters by the formula of the reference values: what is loaded from a file is the same
// bits that the towers are compared with at full size. The files are virtual: nothing but what is read exists.
interface Entry {
  readonly tensor: number;
  readonly name: string;
  readonly shape: number[];
  readonly amplitude: number;
  readonly base: number;
}
const ladder = new URL("../../fixtures/ladder/ladder.json", import.meta.url);
const { tensors } = JSON.parse(readFileSync(ladder, "utf8")) as { tensors: Entry[] };
const countOf = ({ shape }: Entry): number => shape.reduce((a, b) => a * b, 1);

/** Bytes `begin` to `end` of a tensor. */
function bytesOf(entry: Entry, begin: number, end: number): Uint8Array {
  const first = Math.floor(begin / 4);
  const numbers = fillRange(entry, first, Math.ceil(end / 4));
  return new Uint8Array(numbers.buffer).subarray(begin - 4 * first, end - 4 * first);
}

function asVirtualSafetensors(): ByteSource {
  let position = 0;
  const spans = tensors.map((entry) => {
    const begin = position;
    position += 4 * countOf(entry);
    return { entry, begin, end: position };
  });
  const json = JSON.stringify(
    Object.fromEntries(
      spans.map(({ entry: { name, shape }, begin, end }) => [
        name,
        { dtype: "F32", shape, data_offsets: [begin, end] },
      ]),
    ),
  );
  const start = assemble(number("u8", json.length), json);
  return {
    name: "ViT-B-16.safetensors",
    size: start.length + position,
    async read(from, length) {
      if (from + length <= start.length) return start.slice(from, from + length);
      const span = spans.find(({ begin, end }) => from - start.length >= begin && from - start.length + length <= end)!;
      const begin = from - start.length - span.begin;
      return Uint8Array.from(bytesOf(span.entry, begin, begin + length));
    },
  };
}

function asVirtualArchive(): ByteSource {
  const storages: (TestStorage & { key: string })[] = [];
  const state = new Map<Writable, Writable>();
  for (const entry of tensors) {
    const size = 4 * countOf(entry);
    const data: Formula = {
      size,
      crc: crc32(bytesOf(entry, 0, size)),
      byteAt: (at) => bytesOf(entry, at, at + 1)[0]!,
      range: (begin, end) => bytesOf(entry, begin, end),
    };
    const storage = { key: String(storages.length), type: "FloatStorage", data, length: countOf(entry) };
    const strides = entry.shape.map((_, axis) => entry.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    storages.push(storage);
    state.set(entry.name, tensor(storage, { shape: entry.shape, strides }));
  }
  return virtualZip(torchParts(state, { storages, root: "ViT-B-16" }), { zip64: true });
}

/** How many parameters are there, and how many are not the formula's bits. */
function compare(weights: WeightMap): { parameters: number; different: number } {
  let [parameters, different] = [0, 0];
  for (const entry of tensors) {
    const count = countOf(entry);
    const got = new Uint32Array(weights.get(entry.name)!.data.buffer);
    const wanted = new Uint32Array(fillRange(entry, 0, count).buffer);
    parameters += got.length;
    for (let i = 0; i < count; i++) if (got[i] !== wanted[i]) different++;
  }
  return { parameters, different };
}

test.each([
  ["safetensors", asVirtualSafetensors, 4 * 49_408 * 512],
  ["torch.save", asVirtualArchive, 2 ** 22],
])(
  "ViT-B/16 from %s, bit for bit, with no read over one tensor or 4 MiB",
  { timeout: 300_000 },
  async (_, make, most) => {
    const source = make();
    let [largest, total] = [0, 0];
    const { weights } = await readWeights({
      ...source,
      read(begin, length) {
        largest = Math.max(largest, length);
        total += length;
        return source.read(begin, length);
      },
    });
    expect(weights.size).toBe(302);
    expect(compare(weights)).toEqual({ parameters: 149_620_737, different: 0 });
    expect(largest).toBeLessThanOrEqual(most);
    expect(total).toBeLessThan(1.001 * source.size); // each byte once
  },
);

import { decodeFloat16, encodeFloat16 } from "../float16.js";
import type { WeightMap } from "./names.js";
import { assemble, number, type Writable } from "./pickle.test.kit.js";
import { tensor, writeTorchArchive, type TestStorage } from "./torch-archive.test.kit.js";

/** What tells two models' weights apart: names in one only, other shapes, other bits. Empty where they are the same. */
export function differences(weights: WeightMap, expected: WeightMap): string[] {
  const names = new Set([...weights.keys(), ...expected.keys()]);
  return [...names].flatMap((name) => {
    const [got, wanted] = [weights.get(name), expected.get(name)];
    if (!got || !wanted) return [`${name} is ${got ? "unexpected" : "missing"}`];
    if (got.shape.join() !== wanted.shape.join()) return [`${name} is [${got.shape}], not [${wanted.shape}]`];
    return sameBits(got.data, wanted.data) ? [] : [`${name} has other values`];
  });
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  if (a.length !== b.length) return false;
  const [x, y] = [a, b].map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length)) as [
    Uint32Array,
    Uint32Array,
  ];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

/** Types that weights are stored in. */
export type StoredType = "F64" | "F32" | "F16" | "BF16";

/** Numbers as bytes of a type, rounded to nearest, ties to even. */
function encode(type: StoredType, values: Float32Array): Uint8Array {
  if (type === "F64") return new Uint8Array(Float64Array.from(values).buffer);
  if (type === "F16") return new Uint8Array(encodeFloat16(values).buffer);
  const words = new Uint32Array(values.slice().buffer);
  if (type === "F32") return new Uint8Array(words.buffer);
  return new Uint8Array(Uint16Array.from(words, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16).buffer);
}

/** The weights as a file of this type holds them. */
export function roundWeights(weights: WeightMap, type: StoredType): WeightMap {
  return new Map(
    [...weights].map(([name, { data, shape }]) => {
      const stored = encode(type, data);
      if (type === "F16") return [name, { data: decodeFloat16(new Uint16Array(stored.buffer)), shape }];
      if (type !== "BF16") return [name, { data, shape }];
      const words = Uint32Array.from(new Uint16Array(stored.buffer), (half) => half << 16);
      return [name, { data: new Float32Array(words.buffer), shape }];
    }),
  );
}

/** A safetensors file of any type, written here and not by `writeSafetensors`. */
export function asSafetensors(weights: WeightMap, type: StoredType): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let at = 0;
  for (const [name, { data, shape }] of weights) {
    const bytes = encode(type, data);
    header[name] = { dtype: type, shape, data_offsets: [at, at + bytes.length] };
    parts.push(bytes);
    at += bytes.length;
  }
  const json = JSON.stringify(header);
  return assemble(number("u8", json.length), json, ...parts);
}

const storageTypes = { F64: "DoubleStorage", F32: "FloatStorage", F16: "HalfStorage", BF16: "BFloat16Storage" };

/** An archive as `torch.save` writes it: the state dict, or what `wrap` makes of it; with a counter, as batch normalisation keeps. */
export function asTorchArchive(
  weights: WeightMap,
  {
    type,
    counter = true,
    wrap = (state) => state,
  }: { type: StoredType; counter?: boolean; wrap?: (state: Writable) => Writable },
): Uint8Array<ArrayBuffer> {
  const storages: (TestStorage & { key: string })[] = [];
  const state = new Map<Writable, Writable>();
  for (const [name, { data, shape }] of weights) {
    const key = String(storages.length);
    const storage = { key, type: storageTypes[type], data: encode(type, data), length: data.length };
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    storages.push(storage);
    state.set(name, tensor(storage, { shape, strides }));
  }
  if (counter) {
    const storage = { key: "counter", type: "LongStorage", data: number("u8", 1234), length: 1 };
    storages.push(storage);
    state.set("visual.bn1.num_batches_tracked", tensor(storage, { shape: [], strides: [] }));
  }
  return writeTorchArchive(wrap(state), { storages, zip64: true });
}

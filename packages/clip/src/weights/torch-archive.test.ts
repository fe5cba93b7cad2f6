import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFloat16 } from "../float16.js";
import { bytesSource } from "./byte-source.js";
import { archiveLimits } from "./limits.js";
import { float, global, persistent, reduce, tuple, type Writable } from "./pickle.test.kit.js";
import type { Pickled, TensorRef } from "./pickled.js";
import { readSafetensors } from "./safetensors.js";
import { stateDictOf } from "./state-dict.js";
import {
  dict,
  floatStorage,
  openWritten as open,
  tensor,
  torchParts,
  virtualZip,
  type TestStorage,
} from "./torch-archive.test.kit.js";
import { openTorchArchive, type TorchArchive } from "./torch-archive.js";

const fixtures = new URL("../../fixtures/", import.meta.url);
const deflate = (data: Uint8Array): Uint8Array => new Uint8Array(deflateRawSync(data));

/** The tensors of a dict, without the bounds of `stateDictOf`. */
const valuesOf = ({ root }: TorchArchive): TensorRef[] => [...(root as ReadonlyMap<string, TensorRef>).values()];
const first = (archive: TorchArchive): TensorRef => stateDictOf(archive).values().next().value as TensorRef;

/** Every element type, how values are stored and what they are read as. */
const types: Record<string, { dtype: string; make: (values: readonly number[]) => ArrayBuffer }> = {
  DoubleStorage: { dtype: "F64", make: (values) => Float64Array.from(values).buffer },
  FloatStorage: { dtype: "F32", make: (values) => Float32Array.from(values).buffer },
  HalfStorage: { dtype: "F16", make: (values) => encodeFloat16(Float32Array.from(values)).slice().buffer },
  BFloat16Storage: {
    dtype: "BF16",
    make: (values) => Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits) => bits >>> 16).buffer,
  },
  LongStorage: { dtype: "I64", make: (values) => BigInt64Array.from(values.map(BigInt)).buffer },
  IntStorage: { dtype: "I32", make: (values) => Int32Array.from(values).buffer },
  ShortStorage: { dtype: "I16", make: (values) => Int16Array.from(values).buffer },
  CharStorage: { dtype: "I8", make: (values) => Int8Array.from(values).buffer },
  ByteStorage: { dtype: "U8", make: (values) => Uint8Array.from(values).buffer },
  BoolStorage: { dtype: "BOOL", make: (values) => Uint8Array.from(values, (value) => value & 1).buffer },
};

function storageOf(type: string, values: readonly number[], key = "0"): TestStorage & { key: string } {
  const { make } = types[type] as { make: (values: readonly number[]) => ArrayBuffer };
  return { key, type, data: new Uint8Array(make(values)), length: values.length };
}

/** A view written out by its definition. */
function viewOf(
  values: readonly number[],
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): number[] {
  let positions = [offset];
  for (const [axis, side] of shape.entries()) {
    positions = positions.flatMap((from) =>
      Array.from({ length: side }, (_, index) => from + index * (strides[axis] as number)),
    );
  }
  return positions.map((position) => values[position] as number);
}

describe("tensors", () => {
  it.each(Object.entries(types))("widens %s", async (type, { dtype }) => {
    const values = [0, 1, 2, 127, 3, 1];
    const storage = storageOf(type, values);
    const archive = await open(dict({ a: tensor(storage, { shape: [2, 3], strides: [3, 1] }) }), {
      storages: [storage],
    });
    const ref = first(archive);
    expect(ref).toEqual({ kind: "tensor", dtype, storage: "0", offset: 0, shape: [2, 3], strides: [3, 1] });
    const { data, shape } = await archive.readTensor(ref);
    expect(data).toBeInstanceOf(dtype.includes("F") ? Float32Array : Int32Array);
    expect(Array.from(data)).toEqual(dtype === "BOOL" ? [0, 1, 0, 1, 1, 1] : values);
    expect(shape).toEqual([2, 3]);
  });

  it("refuses an integer that int32 does not hold, with the file and the entry", async () => {
    const storage = storageOf("LongStorage", [2 ** 40]);
    const archive = await open(dict({ a: tensor(storage, { shape: [1], strides: [1] }) }), { storages: [storage] });
    await expect(archive.readTensor(first(archive))).rejects.toThrow(
      'a.pth: tensor "archive/data/0" holds 1099511627776, which is not a 32-bit integer',
    );
  });

  it("reads any view of any storage, in any order, as it is defined", async () => {
    const view = fc.record({
      offset: fc.nat(5),
      shape: fc.array(fc.nat(3), { maxLength: 4 }),
      strides: fc.array(fc.nat(7), { minLength: 4, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(types)),
        fc.array(fc.nat(100), { minLength: 75, maxLength: 300 }),
        fc.array(view, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (type, numbers, views, packed) => {
          const values = type === "BoolStorage" ? numbers.map((value) => value & 1) : numbers;
          const storage = storageOf(type, values);
          const written = views.map(({ offset, shape, strides }) => ({
            offset,
            shape,
            strides: strides.slice(0, shape.length),
          }));
          const archive = await open(
            dict(Object.fromEntries(written.map((one, index) => [`t${index}`, tensor(storage, one)]))),
            { storages: [storage], ...(packed && { deflate }) },
          );
          const tensors = stateDictOf(archive);
          for (const [index, { offset, shape, strides }] of written.entries()) {
            const { data } = await archive.readTensor(tensors.get(`t${index}`) as TensorRef);
            expect(Array.from(data)).toEqual(viewOf(values, offset, shape, strides));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("reads a storage once for all its views, and then only their ranges", async () => {
    const values = Array.from({ length: 200_000 }, (_, index) => index);
    const storage = floatStorage("0", values);
    const archive = await open(
      dict({
        prefix: tensor(storage, { shape: [10], strides: [1] }),
        suffix: tensor(storage, { offset: 199_990, shape: [10], strides: [1] }),
        column: tensor(storage, { offset: 100, shape: [3, 2], strides: [1, 10] }),
      }),
      { storages: [storage] },
    );
    const tensors = stateDictOf(archive);
    const opened = archive.work.bytesRead;
    const read = async (name: string): Promise<number[]> =>
      Array.from((await archive.readTensor(tensors.get(name) as TensorRef)).data);
    expect(await read("prefix")).toEqual(values.slice(0, 10));
    const whole = archive.work.bytesRead;
    expect(whole - opened).toBeGreaterThanOrEqual(800_000); // its CRC-32 is checked
    expect(await read("suffix")).toEqual(values.slice(-10));
    expect(await read("column")).toEqual([100, 110, 101, 111, 102, 112]);
    expect(await read("prefix")).toEqual(values.slice(0, 10));
    expect(archive.work.bytesRead - whole).toBeLessThan(200);
    expect(archive.work.peakBytes).toBeLessThan(100_000); // the storage was never held
  });

  it("reads a tensor that repeats one number as long as the result may be held", async () => {
    const storage = floatStorage("0", [7]);
    const repeated = (count: number): Promise<TorchArchive> =>
      open(dict({ a: tensor(storage, { shape: [count], strides: [0] }) }), { storages: [storage] });
    const archive = await repeated(1000);
    expect((await archive.readTensor(first(archive))).data).toEqual(new Float32Array(1000).fill(7));
    await expect(repeated(2 ** 40)).rejects.toThrow(
      /has a tensor of 4398046511104 bytes, \d+ are allowed for a file of this size/,
    );
  });

  it("reads parameters, tensors with attributes, and lists of TorchScript", async () => {
    const storage = floatStorage("0", [1, 2]);
    const plain = tensor(storage, { shape: [2], strides: [1] });
    const [rebuild, args] = (plain as { parts: readonly Writable[] }).parts as [Writable, Writable];
    const archive = await open(
      dict({
        parameter: reduce(global("torch._utils", "_rebuild_parameter"), plain, true, new Map()),
        typed: reduce(
          global("torch._tensor", "_rebuild_from_type_v2"),
          rebuild,
          global("torch.nn.parameter", "Parameter"),
          args,
          new Map([["note", 1]]),
        ),
        list: reduce(global("torch.jit._pickle", "build_intlist"), [1, 2]),
      }),
      { storages: [storage] },
    );
    expect([...stateDictOf(archive).keys()]).toEqual(["parameter", "typed"]);
    expect((archive.root as ReadonlyMap<string, Pickled>).get("list")).toEqual([1, 2]);
  });

  it("reads a tensor of a file beyond 4 GiB by its own range", async () => {
    const storage: TestStorage & { key: string } = {
      key: "0",
      type: "HalfStorage",
      data: { size: 5 * 2 ** 30, crc: 0, byteAt: (position) => position & 1 },
      length: (5 * 2 ** 30) / 2,
    };
    const small = floatStorage("1", [1, 2, 3]);
    const value = dict({
      huge: tensor(storage, { shape: [storage.length], strides: [1] }),
      small: tensor(small, { shape: [3], strides: [1] }),
    });
    const source = virtualZip(torchParts(value, { storages: [storage, small] }));
    const archive = await openTorchArchive(source);
    const tensors = stateDictOf(archive);
    expect(tensors.get("huge")?.shape).toEqual([storage.length]);
    expect((await archive.readTensor(tensors.get("small") as TensorRef)).data).toEqual(Float32Array.of(1, 2, 3));
    expect(source.bytesRead()).toBeLessThan(400_000);
    expect(archive.work.peakBytes).toBeLessThan(100_000);
  });
});

describe("what an archive is refused for", () => {
  const storage = floatStorage("0", [1, 2, 3, 4]);
  const one = (view: { offset?: number; shape: number[]; strides: number[] }): Promise<TorchArchive> =>
    open(dict({ a: tensor(storage, view) }), { storages: [storage] });
  const id = (...parts: Writable[]): Promise<TorchArchive> =>
    open(persistent(tuple(...parts)), { storages: [storage] });
  const floats = global("torch", "FloatStorage");

  it("views outside their storage, of the wrong form, or too many axes", async () => {
    await expect(one({ shape: [5], strides: [1] })).rejects.toThrow(
      "ends at 5 (offset 0, shape [5], strides [1]); it has 4",
    );
    await expect(one({ offset: 5, shape: [0], strides: [1] })).rejects.toThrow("ends at 5");
    await expect(one({ shape: [2], strides: [-1] })).rejects.toThrow("whose strides are not 1 steps forward");
    await expect(one({ shape: [2], strides: [] })).rejects.toThrow("whose strides are not 1 steps forward");
    await expect(one({ shape: [-2], strides: [1] })).rejects.toThrow("whose shape is not a tuple of sizes");
    await expect(one({ shape: Array<number>(65).fill(1), strides: Array<number>(65).fill(0) })).rejects.toThrow(
      "of 65 axes",
    );
    const sides = Array<number>(4).fill(2 ** 40);
    await expect(one({ shape: sides, strides: [0, 0, 0, 0] })).rejects.toThrow("has a tensor of ");
    await expect(one({ shape: [...sides, 0], strides: [0, 0, 0, 0, 0] })).resolves.toBeDefined();
  });

  it("storages that are no entry, of another size or type", async () => {
    await expect(id("storage", floats, "1", "cpu", 4)).rejects.toThrow(
      "refers to data/1, which the archive lacks: refused",
    );
    await expect(id("storage", floats, "0", "cpu", 3)).rejects.toThrow(
      "claims 3 numbers of F32 in data/0, the entry has 16 bytes",
    );
    await expect(id("storage", floats, "0", "cpu", float(4.5))).rejects.toThrow("claims 4.5 numbers");
    await expect(id("storage", floats, "../0", "cpu", 4)).rejects.toThrow('has a storage whose name is "../0"');
    await expect(id("storage", floats, 0, "cpu", 4)).rejects.toThrow("has a storage whose name is 0");
    await expect(id("storage", global("torch", "Tensor"), "0", "cpu", 4)).rejects.toThrow(
      "has a storage of the type torch.Tensor",
    );
    await expect(id("module", floats, "0", "cpu", 4)).rejects.toThrow("asks for something outside of it (a tuple)");
    await expect(id("storage", global("torch", "ComplexFloatStorage"), "0", "cpu", 4)).rejects.toThrow(
      "a.pth: archive/data.pkl: a pickle asks for torch.ComplexFloatStorage: refused; ask the author for safetensors",
    );
  });

  it("other files, by what they are", async () => {
    const bytes = (...list: number[]): Promise<TorchArchive> =>
      openTorchArchive(bytesSource(Uint8Array.from(list), { name: "a.pth" }));
    await expect(bytes()).rejects.toThrow("a.pth: is empty; get the file again");
    await expect(bytes(0x80, 4, 0x95)).rejects.toThrow(
      "a.pth: a bare pickle, where an archive of torch.save was expected: refused",
    );
    await expect(bytes(0x80, 2, 0x8a, 10, 0x6c)).rejects.toThrow("saved by a PyTorch older than 1.6");
    await expect(bytes(1, 2, 3)).rejects.toThrow(
      "a.pth: no checkpoint of PyTorch: a zip archive of torch.save was expected",
    );
    await expect(open(dict({}), { byteOrder: "big" })).rejects.toThrow('a.pth: archive/byteorder: says "big"');
    await expect(open(dict({}), { byteOrder: "l".repeat(99) })).rejects.toThrow('says "99 bytes"');
    await expect(open(dict({}), { more: [{ name: "other/data.pkl", data: new Uint8Array(1) }] })).rejects.toThrow(
      "a.pth: has 2 checkpoints (archive, other), one was expected",
    );
    await expect(open(dict({}), { root: "a/b" })).rejects.toThrow("a zip archive without a data.pkl");
    await expect(open(dict({ a: "x".repeat(200) }), { limits: { pickleBytes: 100 } })).rejects.toThrow(
      /a\.pth: archive\/data\.pkl: has \d+ bytes, at most 100 are read: refused/,
    );
  });

  it("more memory than 4 times the file and 1 MB, whatever asks for it", async () => {
    const zeros = new Uint8Array(2 ** 23);
    const packed: TestStorage & { key: string } = { key: "0", type: "FloatStorage", data: zeros, length: 2 ** 21 };
    const bomb = await open(dict({ a: tensor(packed, { shape: [4], strides: [1] }) }), { storages: [packed], deflate });
    await expect(bomb.readTensor(first(bomb))).rejects.toThrow(
      /archive\/data\/0 would take \d+ bytes of memory, at most \d+ are allowed/,
    );
    await expect(open(dict({ a: "x".repeat(2 ** 21) }), { deflate })).rejects.toThrow(/archive\/data\.pkl would take/);
    // Views of one storage, each a fair one, that are too many together.
    const large = floatStorage(
      "0",
      Array.from({ length: 2 ** 18 }, () => 1),
    );
    const many = await open(
      dict(
        Object.fromEntries(
          Array.from({ length: 8 }, (_, index) => [
            `t${index}`,
            tensor(large, { offset: index, shape: [2 ** 18 - 8], strides: [1] }),
          ]),
        ),
      ),
      { storages: [large] },
    );
    const readAll = async (): Promise<void> => {
      for (const ref of valuesOf(many)) await many.readTensor(ref);
    };
    await expect(readAll()).rejects.toThrow("the tensor in archive/data/0 would take");
    await expect(many.readTensor(valuesOf(many)[0] as TensorRef)).resolves.toBeDefined(); // one that was counted stays readable
  });

  it("views that read the file again and again for a few numbers", async () => {
    const large = floatStorage(
      "0",
      Array.from({ length: 2 ** 18 }, () => 1),
    );
    const archive = await open(
      dict(
        Object.fromEntries(
          Array.from({ length: 20 }, (_, index) => [
            `t${index}`,
            tensor(large, { offset: index, shape: [2], strides: [2 ** 18 - 21] }),
          ]),
        ),
      ),
      { storages: [large] },
    );
    const readAll = async (): Promise<void> => {
      for (const ref of valuesOf(archive)) await archive.readTensor(ref);
    };
    await expect(readAll()).rejects.toThrow(
      /archive\/data\/0: its views add up to more than \d+ bytes of a file of \d+: refused/,
    );
  });

  it("one changed byte at any place, or reads what it should", async () => {
    const fair = readFileSync(new URL("checkpoint/bfloat16.pth.tar-50", fixtures));
    const whole = readSafetensors(readFileSync(new URL("checkpoint/expected.safetensors", fixtures))).tensors.get(
      "bfloat16.ctx",
    );
    const { memoryFactor, memoryBase } = archiveLimits;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(fair.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = new Uint8Array(fair);
        bytes[at] = (bytes[at] as number) ^ change;
        try {
          const archive = await openTorchArchive(bytesSource(bytes, { name: "fuzzed" }));
          for (const ref of stateDictOf(archive).values()) {
            expect(await archive.readTensor(ref)).toEqual(whole);
          }
          expect(archive.work.peakBytes).toBeLessThanOrEqual(memoryFactor * bytes.length + memoryBase);
        } catch (error) {
          refused++;
          expect((error as Error).message).toMatch(/^fuzzed: [^\n]+$/);
        }
      }),
      { numRuns: 200 },
    );
    expect(refused).toBeGreaterThan(50);
  });
});

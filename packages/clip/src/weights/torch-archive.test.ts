import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFloat16, encodeFloat16 } from "../float16.js";
import { bytesSource, type ByteSource } from "./byte-source.js";
import { archiveLimits, type ArchiveLimits } from "./limits.js";
import { float, global, object, persistent, raw, reduce, tuple, type Writable } from "./pickle.test.kit.js";
import type { Pickled, TensorRef } from "./pickled.js";
import { readSafetensors } from "./safetensors.js";
import { stateDictOf } from "./state-dict.js";
import {
  floatStorage,
  tensor,
  torchParts,
  virtualZip,
  writeTorchArchive,
  type TestStorage,
} from "./torch-archive.test.kit.js";
import { openTorchArchive, type TorchArchive } from "./torch-archive.js";

const fixtures = new URL("../../fixtures/", import.meta.url);
const fixture = (path: string): Uint8Array => readFileSync(new URL(path, fixtures));
const named = (path: string): ByteSource => bytesSource(fixture(path), { name: path.split("/").at(-1) as string });
const deflate = (data: Uint8Array): Uint8Array => new Uint8Array(deflateRawSync(data));

const open = (
  value: Writable | Uint8Array,
  { limits = {}, ...options }: Parameters<typeof writeTorchArchive>[1] & { limits?: Partial<ArchiveLimits> } = {},
): Promise<TorchArchive> => openTorchArchive(bytesSource(writeTorchArchive(value, options), { name: "a.pth" }), limits);

const dict = (entries: Record<string, Writable>): Writable => new Map(Object.entries(entries));
/** The tensors of a dict, without the bounds of `stateDictOf`. */
const valuesOf = ({ root }: TorchArchive): TensorRef[] => [...(root as ReadonlyMap<string, TensorRef>).values()];
const first = (archive: TorchArchive): TensorRef => stateDictOf(archive).values().next().value as TensorRef;

interface Expectation {
  file: string;
  ctx: string;
  epoch: number;
  state_dict?: Record<string, [string, number[]]>;
}
const { good, hostile } = JSON.parse(new TextDecoder().decode(fixture("checkpoint/checkpoint.json"))) as {
  good: Expectation[];
  hostile: { file: string; about: string }[];
};
/** Compares large arrays at once: element by element, the matcher is slow. */
function expectSame(name: string, got: ArrayBufferView | undefined, expected: ArrayBufferView | undefined): void {
  const bytes = (view: ArrayBufferView | undefined): Buffer =>
    view ? Buffer.from(view.buffer, view.byteOffset, view.byteLength) : Buffer.from("none");
  expect(bytes(got).equals(bytes(expected)), name).toBe(true);
}

const expectedContexts = readSafetensors(fixture("checkpoint/expected.safetensors")).tensors;

describe("published checkpoints", () => {
  it.each(good)("reads $file", async ({ file, ctx, epoch, state_dict: described }) => {
    const archive = await openTorchArchive(named(`checkpoint/${file}`));
    expect(archive.kind).toBe("torch.save");
    const root = archive.root as ReadonlyMap<string, Pickled>;
    expect(root.get("epoch")).toBe(epoch);
    const tensors = stateDictOf(archive);
    expect(await archive.readTensor(tensors.get("ctx") as TensorRef)).toEqual(expectedContexts.get(ctx));
    if (!described) return;
    const names = { F16: "float16", F32: "float32" } as Record<string, string>;
    expect(Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, [names[dtype], shape]]))).toEqual(
      described,
    );
    // The scheduler is an inert object that holds the optimiser's.
    const scheduler = root.get("scheduler") as ReadonlyMap<string, Pickled>;
    expect(scheduler.get("successor")).toMatchObject({
      kind: "object",
      global: "torch.optim.lr_scheduler.CosineAnnealingLR",
    });
  });

  it.each(["vit-tiny", "rn-tiny"])("reads OpenAI's archive of %s: float16 with float32 parts", async (model) => {
    const archive = await openTorchArchive(named(`${model}/openai.pt`));
    expect(archive.kind).toBe("torchscript");
    const tensors = stateDictOf(archive);
    const plain = readSafetensors(fixture(`${model}/open_clip_model.safetensors`)).tensors;
    const sizes = ["context_length", "input_resolution", "vocab_size"];
    expect([...tensors.keys()].filter((name) => !sizes.includes(name)).sort()).toEqual([...plain.keys()].sort());
    let halves = 0;
    for (const [name, expected] of plain) {
      const ref = tensors.get(name) as TensorRef;
      const { data, shape } = await archive.readTensor(ref);
      expect(shape.length === 0 ? [1] : shape).toEqual(expected.shape); // that file has its scalars as [1]
      if (ref.dtype === "F16") {
        halves++;
        expectSame(name, data, decodeFloat16(encodeFloat16(expected.data as Float32Array)));
      } else expectSame(name, data, expected.data);
    }
    expect(halves).toBeGreaterThan(10);
    const { data: resolution } = await archive.readTensor(tensors.get("input_resolution") as TensorRef);
    expect(resolution).toEqual(Int32Array.of(model === "vit-tiny" ? 32 : 96));
  });

  it("reads a plain state dict, equal to the safetensors of the model, within the memory and work allowed", async () => {
    const source = named("vit-tiny/state_dict.pt");
    const archive = await openTorchArchive(source);
    const plain = readSafetensors(fixture("vit-tiny/open_clip_model.safetensors")).tensors;
    const tensors = stateDictOf(archive);
    expect([...tensors.keys()].sort()).toEqual([...plain.keys()].sort());
    for (const [name, ref] of tensors) {
      expectSame(name, (await archive.readTensor(ref)).data, plain.get(name)?.data);
    }
    expect(archive.work.peakBytes).toBeLessThan(1.5 * source.size);
    expect(archive.work.bytesRead).toBeLessThan(1.5 * source.size);
  });
});

// What the fair part of a hostile file gives, or what the refusal says.
const verdicts: Record<string, RegExp | "fair" | "no ctx" | "NaN"> = {
  "os_system.pkl": /a bare pickle/,
  "os_system.pth.tar-50": /a pickle asks for posix\.system: refused; ask the author for safetensors/,
  "eval.pth.tar-50": /asks for builtins\.eval: refused/,
  "getattr.pth.tar-50": /asks for builtins\.getattr: refused/,
  "unknown_global.pth.tar-50": /asks for some_package\.Config: refused/,
  "unknown_global_as_ctx.pth.tar-50": /asks for some_package\.Config: refused/,
  "huge_storage.pth.tar-50": /claims 17592186044416 numbers of F32 in data\/0, the entry has 512 bytes/,
  "huge_shape.pth.tar-50": /has a tensor of \d+ bytes, \d+ are allowed/,
  "offset_out_of_range.pth.tar-50": /tensor in data\/0 that ends at 193 .* it has 128 numbers/,
  "negative_offset.pth.tar-50": /at the offset -4, which is not a position in it/,
  "stride_out_of_range.pth.tar-50": /that ends at 129 .*strides \[65,1\]/,
  "storage_shorter_than_claimed.pth.tar-50": /claims 128 numbers of F32 in data\/0, the entry has 508 bytes/,
  "missing_storage.pth.tar-50": /refers to data\/7, which the archive lacks/,
  "storage_key_traversal.pth.tar-50": /storage whose name is "\.\.\/\.\.\/\.\.\/etc\/hostname"/,
  "entry_traversal.pth.tar-50": /\.\.\/outside\.txt: a name outside the archive: refused/,
  "big_endian.pth.tar-50": /byteorder: says "big", only little-endian files are read/,
  "no_ctx.pth.tar-50": "no ctx",
  "not_a_dict.pth.tar-50": /holds a list; a state dict/,
  "proto_key.pth.tar-50": "fair",
  "nan_ctx.pth.tar-50": "NaN",
  "laughs.pth.tar-50": /unfolds to more than 1000000 parts/,
  "deep_nesting.pth.tar-50": /nests more than 1000 deep/,
  "memo_flood.pth.tar-50": /uses memo slot 1048581/,
  "long_claims.pth.tar-50": /uses the opcode 0x8b at byte 2/,
  "string_claims.pth.tar-50": /4294967295 bytes are claimed at byte 7, 3 are left/,
  "empty_pickle.pth.tar-50": /data\.pkl: the pickle is damaged or cut short/,
  "truncated.pth.tar-50": /damaged or cut short/,
  "truncated_tail.pth.tar-50": /damaged or cut short/,
  "size_too_large.pth.tar-50": /data\/0: lies at bytes 542 to 2147484236, the file has 1743/,
  "sizes_differ.pth.tar-50": /data\/0: claims 4096 bytes, 512 are stored/,
  "offset_lies.pth.tar-50": /data\/0: lies at bytes 1073741824/,
  "crc_wrong.pth.tar-50": /data\/0: damaged or cut short \(its CRC-32 does not match\)/,
  "legacy_not_zip.pth.tar-50": /older than 1\.6 as bare pickles, which are not read/,
  "not_a_checkpoint.pth.tar-50": /no checkpoint of PyTorch/,
  "zero_bytes.pth.tar-50": /is empty/,
};

describe("hostile checkpoints", () => {
  it("are all judged", () => {
    expect(Object.keys(verdicts).sort()).toEqual(hostile.map(({ file }) => file).sort());
  });

  it.each(hostile)("$file: $about", async ({ file }) => {
    const source = named(`checkpoint/hostile/${file}`);
    const read = async (): Promise<{ names: string[]; ctx?: ArrayLike<number> }> => {
      const archive = await openTorchArchive(source);
      const tensors = stateDictOf(archive);
      const ref = tensors.get("ctx");
      const ctx = ref && (await archive.readTensor(ref)).data;
      expect(archive.work.peakBytes).toBeLessThanOrEqual(4 * source.size + 2 ** 20);
      return { names: [...tensors.keys()], ...(ctx && { ctx }) };
    };
    const verdict = verdicts[file];
    if (verdict instanceof RegExp) {
      const error = await read().then(
        () => new Error("it was read"),
        (reason: unknown) => reason as Error,
      );
      expect(error.message).toMatch(verdict);
      expect(error.message).toMatch(new RegExp(`^${file.replaceAll(".", "\\.")}: .+$`)); // one line, the file first
    } else {
      const { names, ctx } = await read();
      if (verdict === "no ctx") expect(names).toEqual(["weight"]);
      else expect(ctx?.length).toBe(128);
      if (verdict === "NaN") expect(Array.from(ctx ?? []).some(Number.isNaN)).toBe(true);
      if (verdict === "fair") expect(names).toEqual(["__proto__", "constructor", "ctx"]);
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain("polluted");
  });
});

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
    const fair = fixture("checkpoint/bfloat16.pth.tar-50");
    const whole = expectedContexts.get("bfloat16.ctx");
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

describe("state dicts", () => {
  const storage = floatStorage("0", [1, 2]);
  const small = tensor(storage, { shape: [2], strides: [1] });
  const names = async (value: Writable): Promise<string[]> => [
    ...stateDictOf(await open(value, { storages: [storage] })).keys(),
  ];

  it("takes a plain dict, one under state_dict, and drops module. where every name has it", async () => {
    expect(await names(dict({ "a.weight": small, epoch: 3 }))).toEqual(["a.weight"]);
    expect(await names(dict({ state_dict: dict({ a: small }), epoch: 3 }))).toEqual(["a"]);
    expect(await names(dict({ "module.a": small, "module.b": small }))).toEqual(["a", "b"]);
    expect(await names(dict({ "module.a": small, b: small }))).toEqual(["module.a", "b"]);
  });

  it("gives the dotted names of a tree of modules", async () => {
    const module = (state: Record<string, Writable>): Writable => object("__torch__.m", "M", dict(state));
    const value = module({
      a: small,
      training: false,
      blocks: module({ "0": module({ weight: small }), "1": module({ weight: small }) }),
      none: null,
      b: small,
    });
    expect(await names(value)).toEqual(["a", "b", "blocks.0.weight", "blocks.1.weight"]);
  });

  it("refuses thousands of names for one tensor", async () => {
    const large = floatStorage(
      "0",
      Array.from({ length: 10_000 }, () => 1),
    );
    const many = (view: { shape: number[]; strides: number[] }): Promise<TorchArchive> => {
      const shared = tensor(large, view);
      const entries = Array.from({ length: 2000 }, (_, index): [string, Writable] => [`t${index}`, shared]);
      return open(new Map(entries), { storages: [large] });
    };
    const message =
      /^a\.pth: its 2000 names stand for more than \d+ bytes of tensors, the most for a file of this size: refused/;
    const whole = await many({ shape: [10_000], strides: [1] });
    expect(() => stateDictOf(whole)).toThrow(message);
    const wide = await many({ shape: [2], strides: [9_999] });
    expect(() => stateDictOf(wide)).toThrow(message);
    expect(stateDictOf(await many({ shape: [2], strides: [1] })).size).toBe(2000);
  });

  it("refuses what holds no tensors, and modules that hold each other", async () => {
    await expect(names(dict({ epoch: 3 }))).rejects.toThrow(
      "a.pth: holds no tensors; a state dict was expected: is it the right file?",
    );
    await expect(names(null)).rejects.toThrow(
      'a.pth: holds None; a state dict, or a dict with one under "state_dict", was expected',
    );
    await expect(names(object("torch.optim.sgd", "SGD", dict({})))).rejects.toThrow(
      "holds an object of torch.optim.sgd.SGD",
    );
    // A module whose state holds it twice.
    const newObject = Uint8Array.of(0x81);
    const loop = raw("c__torch__\nM\nq\0)", newObject, "q\u0001}(X\u0001\0\0\0ah\u0001X\u0001\0\0\0bh\u0001ub");
    await expect(names(loop)).rejects.toThrow("a.pth: its modules hold each other without end: refused");
    // Modules inside each other under a long key, which would be written out in every name.
    let nested = object("__torch__", "M", dict({ a: small }));
    for (let i = 0; i < 400; i++) nested = object("__torch__", "M", dict({ ["k".repeat(1000)]: nested, a: small }));
    await expect(names(nested)).rejects.toThrow("a.pth: its modules hold each other without end: refused");
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

/** A file of a header (any JSON) and bytes, without the writer's checks. */
function file(header: unknown, data: Uint8Array = new Uint8Array(0), claimed?: bigint): Uint8Array {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("safetensors round trip", () => {
  it("gives back every tensor and the metadata, bit for bit", () => {
    const float = fc.float32Array({ maxLength: 12 }).map((data) => ({ data, shape: [data.length] }));
    const int = fc.int32Array({ maxLength: 12 }).map((data) => ({ data, shape: [1, data.length] }));
    const names = fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__");
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.oneof(float, int)),
        fc.dictionary(fc.string(), fc.string()),
        (tensors, notes) => {
          const read = readSafetensors(writeSafetensors(tensors, notes));
          expect([...read.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
          for (const [name, tensor] of Object.entries(tensors)) {
            const got = read.tensors.get(name);
            expect(got?.shape).toEqual(tensor.shape);
            expect(new Uint8Array(got?.data.buffer as ArrayBuffer)).toEqual(
              new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
            );
          }
          expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(notes).sort());
        },
      ),
    );
  });

  it("keeps metadata whose key is a word of JavaScript's own", () => {
    const notes = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as Record<string, string>;
    expect(Object.entries(readSafetensors(writeSafetensors({}, notes)).metadata)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
      ["toString", "c"],
    ]);
  });

  it("writes half precision as F16 and reads it back as float32", () => {
    const bytes = writeSafetensors({ half: { data: Uint16Array.of(0x3c00, 0xc000, 0x0001), shape: [3, 1] } });
    expect(new TextDecoder().decode(bytes)).toContain('"half":{"dtype":"F16","shape":[3,1],"data_offsets":[0,6]}');
    const half = readSafetensors(bytes).tensors.get("half");
    expect(half?.shape).toEqual([3, 1]);
    expect([...half!.data]).toEqual([1, -2, 2 ** -24]);
  });

  it("writes equal bytes for equal input in any order, aligned to eight bytes", () => {
    const a = { data: new Float32Array([1, 2]), shape: [2] };
    const b = { data: new Int32Array([3]), shape: [] };
    const bytes = writeSafetensors({ a, b }, { x: "1", y: "2" });
    expect(writeSafetensors({ b, a }, { y: "2", x: "1" })).toEqual(bytes);
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
  });

  it("reads a file at an odd offset of a larger buffer", () => {
    const bytes = writeSafetensors({ a: { data: new Float32Array([1.5, -2]), shape: [2] } });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(readSafetensors(shifted.subarray(3)).tensors.get("a")?.data).toEqual(new Float32Array([1.5, -2]));
  });

  it("refuses to write a shape that does not fit", () => {
    expect(() => writeSafetensors({ a: { data: new Float32Array(3), shape: [2] } })).toThrow(/"a" has 3 numbers/);
  });
});

describe("types", () => {
  const read = (dtype: string, data: ArrayBufferView, count: number) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return readSafetensors(file({ t: entry(dtype, [count], 0, bytes.length) }, bytes)).tensors.get("t")?.data;
  };

  it("widens F16, BF16 and F64 to float32", () => {
    const halves = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x83ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000]);
    expect(read("F16", halves, 9)).toEqual(
      new Float32Array([1, -2, 2 ** -24, -1023 * 2 ** -24, 65504, Infinity, -Infinity, NaN, -0]),
    );
    expect(read("BF16", new Uint16Array([0x3f80, 0xc040]), 2)).toEqual(new Float32Array([1, -3]));
    expect(read("F64", new Float64Array([0.1, 1e300]), 2)).toEqual(new Float32Array([0.1, Infinity]));
  });

  it("reads integers as int32 and refuses what does not fit", () => {
    expect(read("I64", new BigInt64Array([-5n, 7n]), 2)).toEqual(new Int32Array([-5, 7]));
    expect(read("U8", new Uint8Array([200]), 1)).toEqual(new Int32Array([200]));
    expect(read("I8", new Int8Array([-3]), 1)).toEqual(new Int32Array([-3]));
    expect(read("BOOL", new Uint8Array([1, 0]), 2)).toEqual(new Int32Array([1, 0]));
    expect(() => read("I64", new BigInt64Array([2n ** 40n]), 1)).toThrow(/"t" holds 1099511627776/);
    expect(() => read("U32", new Uint32Array([2 ** 32 - 1]), 1)).toThrow(/32-bit/);
  });
});

describe("hostile files", () => {
  const eight = new Uint8Array(8);
  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /has 0 bytes/],
    ["seven bytes", new Uint8Array(7), /has 7 bytes/],
    ["a huge header", file("{}", eight, 2n ** 63n), /claims a header of 92233720368547\d+ bytes/],
    ["a header past the end", file("{}", eight, 11n), /claims a header of 11 bytes, the file has 18/],
    ["no JSON", file("PK\u0003\u0004"), /not JSON/],
    ["a list", file("[]"), /not a JSON object/],
    ["null", file("null"), /not a JSON object/],
    ["no description", file({ a: null }), /"a" has no description/],
    ["an unknown type", file({ a: entry("F8_E4M3", [8], 0, 8) }, eight), /the type F8_E4M3/],
    [
      "an object for a type",
      file({ a: { ...entry("", [8], 0, 8), dtype: { x: "\u202e" } } }, eight),
      /the type \{"x":"\?"\}, /,
    ],
    ["a type from the prototype", file({ a: entry("constructor", [8], 0, 8) }, eight), /the type constructor/],
    ["a negative side", file({ a: entry("F32", [-1, -2], 0, 8) }, eight), /shape/],
    ["a fractional side", file({ a: entry("F32", [0.5, 4], 0, 8) }, eight), /shape/],
    ["an overflowing shape", file({ a: entry("F32", [2 ** 40, 2 ** 40], 0, 8) }, eight), /needs .* bytes/],
    ["a range too short", file({ a: entry("F32", [2], 0, 4) }, eight), /needs 8 bytes for F32 \[2\], has 4/],
    ["a reversed range", file({ a: entry("F32", [2], 8, 0) }, eight), /needs 8 bytes/],
    ["a negative offset", file({ a: entry("F32", [2], -8, 0) }, eight), /two offsets/],
    ["an overlap", file({ a: entry("F32", [2], 0, 8), b: entry("F32", [1], 4, 8) }, eight), /"b" overlaps/],
    ["a gap", file({ a: entry("F32", [1], 4, 8) }, eight), /gap/],
    ["bytes left over", file({ a: entry("F32", [1], 0, 4) }, eight), /the file has/],
    ["too few bytes", file({ a: entry("F32", [4], 0, 16) }, eight), /the file has/],
    ["metadata of numbers", file({ __metadata__: { a: 1 } }), /metadata "a"/],
  ])("%s is refused", (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  it("a cut or a changed byte never reads past the file or throws anything but one line", () => {
    const good = writeSafetensors({ a: { data: new Float32Array(9), shape: [3, 3] } }, { k: "v" });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const bytes = good.slice(0, length);
        if (at < length) bytes[at] = value;
        try {
          readSafetensors(bytes);
        } catch (error) {
          expect((error as Error).message).not.toContain("\n");
          expect((error as Error).message).toMatch(/safetensors|tensor/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("a tensor named __proto__ is just a tensor", () => {
    const bytes = file('{"__proto__":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}', eight);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(["__proto__"]);
  });
});

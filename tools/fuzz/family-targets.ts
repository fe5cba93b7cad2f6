import type { Random } from "../../packages/clip/src/index.js";
import { deflateRawSync } from "node:zlib";
import { chance, concat, integerBytes, pick, utf8 } from "../../packages/clip/src/fuzz/bytes.test.kit.js";
import { joinZip, splitZip } from "../../packages/clip/src/fuzz/zip.test.kit.js";
import { makeArchive, type Tensor } from "./archive-seeds.js";

const zeros = (length: number): Uint8Array => new Uint8Array(length);
const list = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));
const float = (name: string, rest: Partial<Tensor>): Tensor => ({
  name,
  type: "Float",
  storage: "0",
  shape: [1],
  ...rest,
});

/** Archives that ask for much out of little, of a size that grows with `n`: what mutation alone would hardly find. */
export const archiveFamilies: Readonly<Record<string, (n: number, random: Random) => Uint8Array>> = {
  "one tensor under many names": (n) =>
    makeArchive([float("t", { shape: [n] }), ...list(n, (i) => float(`t${i}`, { same: 0 }))], { "0": zeros(4 * n) }),
  "equal views of one storage": (n) =>
    makeArchive(
      list(n, (i) => float(`t${i}`, { shape: [n] })),
      { "0": zeros(4 * n) },
    ),
  "views that overlap": (n) =>
    makeArchive(
      list(n, (i) => float(`t${i}`, { offset: i, shape: [n] })),
      { "0": zeros(8 * n) },
    ),
  "views with steps": (n) =>
    makeArchive(
      list(n, (i) => float(`t${i}`, { offset: i, shape: [2], strides: [n] })),
      { "0": zeros(8 * n) },
    ),
  "numbers repeated by a stride of 0": (n) =>
    makeArchive(
      list(20, (i) => float(`t${i}`, { shape: [n, n + i], strides: [0, 0] })),
      { "0": zeros(4) },
    ),
  "empty tensors of huge sides": (n) =>
    makeArchive(
      list(n, (i) => float(`t${i}`, { shape: [0, 2 ** 30, 2 ** 31], strides: [0, 2 ** 40, 2 ** 40] })),
      { "0": zeros(4) },
    ),
  "bytes that become words": (n) =>
    makeArchive([float("t", { type: "Byte", shape: [n * 100] })], { "0": zeros(n * 100) }),
  "many storages": (n) =>
    makeArchive(
      list(n, (i) => float(`t${i}`, { storage: String(i) })),
      Object.fromEntries(list(n, (i) => [String(i), zeros(4)])),
    ),
  "many entries that nobody needs": (n) =>
    makeArchive([float("t", {})], { "0": zeros(4), ...Object.fromEntries(list(n, (i) => [`x/${i}`, zeros(0)])) }),
  "zeros that are packed": (n) => packed(makeArchive([float("t", { shape: [n * 1000] })], { "0": zeros(n * 4000) })),
  "a packed storage with many views": (n) =>
    packed(
      makeArchive(
        list(n, (i) => float(`t${i}`, { offset: i, shape: [4] })),
        { "0": zeros(4 * n + 16) },
      ),
    ),
  "a packed storage that is read as bytes": (n) =>
    packed(
      makeArchive(
        list(n, (i) => float(`t${i}`, { type: "Byte", offset: i, shape: [n] })),
        { "0": zeros(n * 2) },
      ),
    ),
  "names of great length": (n) =>
    makeArchive(
      list(50, (i) => float("n".repeat(n * 10) + i, { same: i && 0 })),
      { "0": zeros(4) },
    ),
};

/** The same archive with its storages deflated. */
function packed(bytes: Uint8Array): Uint8Array {
  const parts = (splitZip(bytes) ?? []).map((part) =>
    new TextDecoder().decode(part.name).includes("/data/")
      ? { ...part, method: 8, packed: Uint8Array.from(deflateRawSync(part.packed)) }
      : part,
  );
  return joinZip(parts, { zip64: true }).bytes;
}

const bytesOf = (letters: string): Uint8Array => Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
const repeated = (piece: string, n: number): Uint8Array[] => list(n, () => bytesOf(piece));

/** Pickles that ask for much out of little; `n` opcodes or bytes of them do. */
export const pickleFamilies: Readonly<Record<string, (n: number) => Uint8Array>> = {
  "one list called again and again": (n) =>
    concat(
      [
        bytesOf("]q\0("),
        ...repeated("K\x01K\x02\x86", n),
        bytesOf("e0"),
        ...repeated("ccollections\nOrderedDict\nh\0\x85R", n),
        bytesOf("."),
      ].slice(0),
    ),
  "dicts of one shared list": (n) =>
    concat([
      bytesOf("(]q\0("),
      ...repeated("K\x01K\x02\x86", n),
      bytesOf("e"),
      bytesOf("ccollections\nOrderedDict\nq\x01"),
      ...repeated("h\x01h\0\x85R", n),
      bytesOf("t."),
    ]),
  "sizes of one shared tuple": (n) =>
    concat([
      bytesOf("(("),
      ...repeated("K\x01", n),
      bytesOf("tq\0ctorch\nSize\nq\x01"),
      ...repeated("h\x01h\0\x85R", n),
      bytesOf("t."),
    ]),
  "sets of one shared list": (n) =>
    concat([
      bytesOf("(]q\0("),
      ...repeated("K\x01", n),
      bytesOf("e__builtin__\nset\n".replace("e_", "ec_")),
      bytesOf("q\x01"),
      ...repeated("h\x01h\0\x85R", n),
      bytesOf("t."),
    ]),
  "bytes of one shared text": (n) =>
    concat([
      bytesOf("(X"),
      integerBytes(n, 4),
      utf8("x".repeat(n)),
      bytesOf("q\0c_codecs\nencode\nq\x01"),
      ...repeated("h\x01h\0\x85R", n),
      bytesOf("t."),
    ]),
  "small values": (n) => concat([bytesOf("]("), ...repeated("N", n), bytesOf("e.")]),
  "empty lists": (n) => concat([bytesOf("]("), ...repeated("]", n), bytesOf("e.")]),
  "empty dicts": (n) => concat([bytesOf("]("), ...repeated("}", n), bytesOf("e.")]),
  "tuples in tuples": (n) => concat([bytesOf(")"), ...repeated("\x85", n), bytesOf(".")]),
  "lists that hold the next twice": (n) =>
    concat([
      ...list(Math.min(n, 250), (i) => bytesOf(`]q${String.fromCharCode(i)}`)),
      bytesOf("."),
      ...repeated("N", n),
    ]),
  "one list appended to itself": (n) => concat([bytesOf("]q\0("), ...repeated("h\0", n), bytesOf("e.")]),
  "memo slots": (n) =>
    concat([bytesOf("N"), ...list(n, (i) => concat([bytesOf("r"), integerBytes(i, 4)])), bytesOf(".")]),
  marks: (n) => concat([...repeated("(", n), bytesOf(".")]),
  "marks and tuples": (n) => concat([...repeated("(t", n), bytesOf(".")]),
  "long integers": (n) =>
    concat([
      bytesOf("]("),
      ...list(Math.ceil(n / 250), () => concat([bytesOf("\x8a\xff"), zeros(254), bytesOf("\x7f")])),
      bytesOf("e."),
    ]),
  "names of globals": (n) =>
    concat([bytesOf("]("), ...list(Math.ceil(n / 20), (i) => bytesOf(`c__torch__.m${i}\nM\n`)), bytesOf("e.")]),
  "one long line": (n) => concat([bytesOf("c"), utf8("a".repeat(n))]),
  "states of one object": (n) => concat([bytesOf("c__torch__.m\nM\n)\x81"), ...repeated("}b", n), bytesOf(".")]),
  "keys of one dict": (n) =>
    concat([bytesOf("}("), ...list(n, (i) => concat([bytesOf("J"), integerBytes(i, 4), bytesOf("N")])), bytesOf("u.")]),
};

/** One family at a random size, in some cases with a fault. */
export function fromFamily(
  families: Readonly<Record<string, (n: number, random: Random) => Uint8Array>>,
  random: Random,
): Uint8Array {
  const make = pick(random, Object.values(families));
  return make(chance(random, 0.05) ? 2000 + random.integer(2000) : 1 + random.integer(400), random);
}

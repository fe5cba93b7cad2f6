import type { Random } from "../random.js";

/** Whole numbers at which readers of files go wrong: around nothing, and around the ends of every width of integer. */
export const interestingIntegers: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  8n,
  16n,
  63n,
  64n,
  65n,
  100n,
  1000n,
  4096n,
  ...[7n, 8n, 15n, 16n, 24n, 30n, 31n, 32n, 33n, 40n, 44n, 53n, 62n, 63n, 64n].flatMap((power) => [
    2n ** power - 1n,
    2n ** power,
    2n ** power + 1n,
  ]),
  -1n,
  -2n,
  -128n,
  -32768n,
  -(2n ** 31n),
  -(2n ** 63n),
];

/** One of the items, each equally likely. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)] as T;
}

/** True in `share` of the cases. */
export function chance(random: Random, share: number): boolean {
  return random.next() < share;
}

/** One array of the parts, in order. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/** The text as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** An integer in `width` bytes, little- or big-endian, cut off where it does not fit. */
export function integerBytes(
  value: bigint | number,
  width: number,
  { big = false }: { big?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(width);
  let rest = BigInt.asUintN(64, BigInt(value));
  for (let i = 0; i < width; i++) {
    bytes[big ? width - 1 - i : i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** CRC-32 as zip and PNG use it. */
export function checksum(...parts: readonly Uint8Array[]): number {
  let crc = -1;
  for (const part of parts) for (const byte of part) crc = (crcTable[(crc ^ byte) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

type ByteMutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const mutations: readonly ByteMutation[] = [
  function flipBits(bytes, random) {
    for (let i = 0; i <= random.integer(4); i++) {
      const at = random.integer(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << random.integer(8));
    }
    return bytes;
  },
  function setBytes(bytes, random) {
    for (let i = 0; i <= random.integer(4); i++) bytes[random.integer(bytes.length)] = random.integer(256);
    return bytes;
  },
  function setInteger(bytes, random) {
    const width = pick(random, [1, 2, 4, 8]);
    if (bytes.length < width) return bytes;
    const value = integerBytes(pick(random, interestingIntegers), width, { big: chance(random, 0.4) });
    bytes.set(value, random.integer(bytes.length - width + 1));
    return bytes;
  },
  function addToByte(bytes, random) {
    bytes[random.integer(bytes.length)]! += random.integer(9) - 4;
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.integer(bytes.length));
  },
  function cutStart(bytes, random) {
    return bytes.subarray(random.integer(Math.min(bytes.length, 64)));
  },
  function removeRange(bytes, random) {
    const [begin, end] = range(bytes, random);
    return concat([bytes.subarray(0, begin), bytes.subarray(end)]);
  },
  function duplicateRange(bytes, random) {
    const [begin, end] = range(bytes, random);
    return concat([
      bytes.subarray(0, end),
      ...Array(1 + random.integer(3)).fill(bytes.subarray(begin, end)),
      bytes.subarray(end),
    ]);
  },
  function insertBytes(bytes, random) {
    const at = random.integer(bytes.length + 1);
    return concat([bytes.subarray(0, at), noise(random, 1 + random.integer(16)), bytes.subarray(at)]);
  },
  function overwriteRange(bytes, random) {
    const [begin, end] = range(bytes, random);
    return bytes.fill(chance(random, 0.5) ? pick(random, [0, 255, 40, 93]) : random.integer(256), begin, end);
  },
  function moveRange(bytes, random) {
    const [begin, end] = range(bytes, random);
    return bytes.copyWithin(random.integer(bytes.length), begin, end);
  },
  function splice(bytes, random, other) {
    const [begin, end] = other.length > 0 ? range(other, random) : [0, 0];
    const at = random.integer(bytes.length + 1);
    const kept = chance(random, 0.5) ? at : Math.min(bytes.length, at + end - begin);
    return concat([bytes.subarray(0, at), other.subarray(begin, end), bytes.subarray(kept)]);
  },
  function crossOver(bytes, random, other) {
    return concat([bytes.subarray(0, random.integer(bytes.length)), other.subarray(random.integer(other.length + 1))]);
  },
  function appendBytes(bytes, random) {
    return concat([bytes, noise(random, 1 + random.integer(40))]);
  },
  function changeDigits(bytes, random) {
    const digits = /\d+/g;
    const text = String.fromCharCode(...bytes.subarray(0, 4096));
    const runs = [...text.matchAll(digits)];
    if (runs.length === 0) return bytes;
    const run = pick(random, runs);
    const value = utf8(String(pick(random, interestingIntegers)));
    return concat([bytes.subarray(0, run.index), value, bytes.subarray(run.index + run[0].length)]);
  },
];

/** Random bytes. */
export function noise(random: Random, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => random.integer(256));
}

function range(bytes: Uint8Array, random: Random): [begin: number, end: number] {
  const begin = random.integer(bytes.length);
  const longest = chance(random, 0.7) ? Math.min(32, bytes.length - begin) : Math.min(4096, bytes.length - begin);
  return [begin, begin + 1 + random.integer(longest)];
}

/** A copy of the bytes with one to a few changes that know nothing of the format; `others` are files to take pieces of. */
export function mutateBytes(
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[] = [],
): Uint8Array<ArrayBuffer> {
  let mutated: Uint8Array = new Uint8Array(bytes); // not `from`, which goes byte by byte where memory is watched
  const rounds = 1 + (chance(random, 0.6) ? 0 : random.integer(6));
  for (let i = 0; i < rounds; i++) {
    if (mutated.length === 0) mutated = noise(random, 1 + random.integer(8));
    mutated = new Uint8Array(
      pick(random, mutations)(mutated, random, others.length > 0 ? pick(random, others) : bytes),
    );
  }
  return mutated as Uint8Array<ArrayBuffer>;
}

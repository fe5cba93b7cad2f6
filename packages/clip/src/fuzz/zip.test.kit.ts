import type { Random } from "../random.js";
import {
  chance,
  checksum,
  concat,
  integerBytes,
  interestingIntegers,
  mutateBytes,
  noise,
  pick,
  utf8,
} from "./bytes.test.kit.js";
import { hostileNames } from "./json.test.kit.js";

/** One file of a zip archive; `packed` is its data as stored, `method` 0 for stored and 8 for deflated. */
export interface ZipPart {
  readonly name: Uint8Array;
  readonly packed: Uint8Array;
  readonly method: number;
  readonly crc: number;
  readonly size: number;
}

/** The files of a sound archive, by its central directory (without zip64 sizes); undefined for what is none. */
export function splitZip(bytes: Uint8Array): ZipPart[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return undefined;
  const parts: ZipPart[] = [];
  // Sizes that only zip64 fields hold mean a file of 4 GB: none of the seeds. The offset of the directory may be one.
  let at = view.getUint32(end + 16, true);
  if (at === 0xffffffff) at = Number(view.getBigUint64(Number(view.getBigUint64(end - 12, true)) + 48, true));
  while (at + 46 <= bytes.length && view.getUint32(at, true) === 0x02014b50) {
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const local = view.getUint32(at + 42, true);
    if (local + 30 > bytes.length) return undefined;
    const begin = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    parts.push({
      name: bytes.slice(at + 46, at + 46 + name),
      packed: bytes.slice(begin, begin + view.getUint32(at + 20, true)),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      size: view.getUint32(at + 24, true),
    });
    at += 46 + name + extra + comment;
  }
  return parts.length > 0 ? parts : undefined;
}

/** How an archive is written, and which of its fields lie: the number of the field to a value. */
export interface ZipStyle {
  readonly zip64?: boolean;
  readonly descriptors?: boolean;
  readonly alignment?: number;
  readonly comment?: Uint8Array;
  readonly lies?: ReadonlyMap<number, bigint>;
}

/** Writes an archive field by field, as PyTorch does (zip64, aligned by an extra field, data descriptors) or plainly. */
export function joinZip(
  parts: readonly ZipPart[],
  { zip64 = false, descriptors = false, alignment = 0, comment = new Uint8Array(0), lies = new Map() }: ZipStyle = {},
): { bytes: Uint8Array<ArrayBuffer>; fields: number } {
  const pieces: Uint8Array[] = [];
  let position = 0;
  let fields = 0;
  const put = (bytes: Uint8Array): void => {
    pieces.push(bytes);
    position += bytes.length;
  };
  const field = (width: number, value: number): void => put(integerBytes(lies.get(fields++) ?? value, width));
  const flags = (descriptors ? 8 : 0) | 0x800;
  const wide = (value: number): number => (zip64 ? 0xffffffff : value);
  const offsets: number[] = [];
  for (const { name, packed, method, crc, size } of parts) {
    offsets.push(position);
    const zip64Size = zip64 && !descriptors ? 20 : 0;
    const before = position + 30 + name.length + zip64Size;
    const padding = alignment > 0 ? alignment - ((before + 4) % alignment) : -4;
    field(4, 0x04034b50);
    for (const value of [20, flags, method, 0, 0]) field(2, value);
    field(4, descriptors ? 0 : crc);
    field(4, descriptors ? 0 : wide(packed.length));
    field(4, descriptors ? 0 : wide(size));
    field(2, name.length);
    field(2, zip64Size + padding + 4);
    put(name);
    if (zip64Size > 0) putZip64([size, packed.length]);
    if (padding >= 0) {
      field(2, 0x4246);
      field(2, padding);
      put(new Uint8Array(padding));
    }
    put(packed);
    if (!descriptors) continue;
    field(4, 0x08074b50);
    field(4, crc);
    field(zip64 ? 8 : 4, packed.length);
    field(zip64 ? 8 : 4, size);
  }
  const directory = position;
  for (const [i, { name, packed, method, crc, size }] of parts.entries()) {
    field(4, 0x02014b50);
    for (const value of [20, 20, flags, method, 0, 0]) field(2, value);
    for (const value of [crc, wide(packed.length), wide(size)]) field(4, value);
    for (const value of [name.length, zip64 ? 28 : 0, 0, 0, 0]) field(2, value);
    field(4, 0);
    field(4, wide(offsets[i] as number));
    put(name);
    if (zip64) putZip64([size, packed.length, offsets[i] as number]);
  }
  const end = position;
  if (zip64) {
    field(4, 0x06064b50);
    field(8, 44);
    for (const value of [45, 45]) field(2, value);
    for (const value of [0, 0]) field(4, value);
    for (const value of [parts.length, parts.length, end - directory, directory]) field(8, value);
    field(4, 0x07064b50);
    field(4, 0);
    field(8, end);
    field(4, 1);
  }
  field(4, 0x06054b50);
  for (const value of [0, 0, parts.length, parts.length]) field(2, value);
  field(4, wide(end - directory));
  field(4, wide(directory));
  field(2, comment.length);
  put(comment);
  return { bytes: concat(pieces), fields };

  function putZip64(values: readonly number[]): void {
    field(2, 1);
    field(2, values.length * 8);
    for (const value of values) field(8, value);
  }
}

/** A part with other data, stored, with the CRC and sizes that belong to it. */
export function withData(part: ZipPart, data: Uint8Array): ZipPart {
  return { name: part.name, packed: data, method: 0, crc: checksum(data), size: data.length };
}

/**
 * An archive changed as bytes, or taken apart, changed (data with its CRC made right, names, order, fields that lie) and put
 * together again. `mutatePart` changes data by what it is, such as a pickle.
 */
export function mutateZip(
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
  mutatePart: (name: string, data: Uint8Array) => Uint8Array | undefined = () => undefined,
): Uint8Array<ArrayBuffer> {
  let parts = chance(random, 0.85) ? splitZip(bytes) : undefined;
  if (!parts) return mutateBytes(bytes, random, others);
  if (chance(random, 0.7)) {
    const at = random.integer(parts.length);
    parts = parts.map((part, i) => {
      const name = new TextDecoder().decode(part.name);
      // The pickle decides most of what is done; it is one entry of many.
      if (i !== at && !(name.endsWith("data.pkl") && chance(random, 0.6))) return part;
      const changed =
        part.method === 0 ? (mutatePart(name, part.packed) ?? mutateBytes(part.packed, random)) : noise(random, 20);
      if (chance(random, 0.1)) return { ...part, packed: changed }; // sizes and CRC as they were
      return withData(part, changed);
    });
  }
  for (let i = chance(random, 0.4) ? 1 + random.integer(3) : 0; i > 0; i--) parts = rearrange(parts, random);
  const style: ZipStyle = {
    zip64: chance(random, 0.5),
    descriptors: chance(random, 0.5),
    alignment: chance(random, 0.5) ? pick(random, [64, 1, 16]) : 0,
    comment: chance(random, 0.05) ? noise(random, random.integer(80)) : undefined,
  };
  const { fields } = joinZip(parts, style);
  const lies = new Map<number, bigint>();
  for (let i = chance(random, 0.5) ? 1 + random.integer(3) : 0; i > 0; i--) {
    // The last fields are the directory's and the end records: half of the lies go there.
    const at = chance(random, 0.5) ? random.integer(fields) : fields - 1 - random.integer(Math.min(fields, 60));
    lies.set(at, chance(random, 0.7) ? pick(random, interestingIntegers) : BigInt(random.integer(bytes.length + 64)));
  }
  const file = joinZip(parts, { ...style, lies }).bytes;
  return chance(random, 0.05) ? mutateBytes(file, random, others) : file;
}

function rearrange(parts: readonly ZipPart[], random: Random): ZipPart[] {
  const at = random.integer(parts.length);
  const part = parts[at] as ZipPart;
  const before = parts.slice(0, at);
  const after = parts.slice(at + 1);
  switch (random.integer(7)) {
    case 0:
      return parts.length > 1 ? [...before, ...after] : [...parts];
    case 1:
      return [...before, part, part, ...after];
    case 2:
      return [...after, part, ...before];
    case 3:
      return [...before, { ...part, name: utf8(pick(random, hostileNames)) }, ...after];
    case 4:
      return [...before, { ...part, name: mutateBytes(part.name, random) }, ...after];
    case 5:
      return [...before, { ...part, name: (pick(random, parts) as ZipPart).name }, ...after];
    default:
      return [
        ...before,
        { ...part, method: pick(random, [8, 9, 12, 14, 99, 93, 0]), size: part.size + random.integer(3) },
        ...after,
      ];
  }
}

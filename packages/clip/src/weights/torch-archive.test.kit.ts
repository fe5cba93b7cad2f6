import { bytesSource, type ByteSource } from "./byte-source.js";
import type { ArchiveLimits } from "./limits.js";
import { assemble, global, number, persistent, reduce, tuple, writePickle, type Writable } from "./pickle.test.kit.js";
import { openTorchArchive, type TorchArchive } from "./torch-archive.js";

// Writes zip archives and checkpoints for tests, fair ones and ones that lie.

/** Bytes that are computed when they are read: files larger than memory. */
export interface Formula {
  readonly size: number;
  readonly crc: number;
  byteAt(position: number): number;
  /** Many at once, where that is faster. */
  range?(begin: number, end: number): Uint8Array;
}

type Packer = (data: Uint8Array) => Uint8Array;

/** An entry; the fields after `data` are lies. */
export interface ZipPart {
  readonly name: string;
  readonly data: Uint8Array | Formula;
  /** Packs the data. */
  readonly deflate?: Packer | undefined;
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  readonly size?: number;
  readonly packedSize?: number;
  readonly offset?: number;
}

export interface ZipOptions {
  /** Sizes and offsets in zip64 fields, as PyTorch writes them. */
  readonly zip64?: boolean;
  /** Entries said to be in the directory. */
  readonly entries?: number;
}

interface Segment {
  readonly begin: number;
  readonly data: Uint8Array | Formula;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 255] as number);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A zip archive's segments, and its size. */
function layOut(
  parts: readonly ZipPart[],
  { zip64 = false, entries = parts.length }: ZipOptions,
): {
  segments: Segment[];
  size: number;
} {
  const segments: Segment[] = [];
  let at = 0;
  const add = (data: Uint8Array | Formula): void => {
    segments.push({ begin: at, data });
    at += "byteAt" in data ? data.size : data.length;
  };
  const u2 = (value: number): Uint8Array => number("u2", value);
  const u4 = (value: number): Uint8Array => number("u4", value >= 2 ** 32 ? 0xffffffff : value);
  const records: Uint8Array[] = [];
  for (const part of parts) {
    const { name, data, deflate } = part;
    const isFormula = "byteAt" in data;
    const packed = deflate && !isFormula ? deflate(data) : data;
    const size = part.size ?? (isFormula ? data.size : data.length);
    const packedSize = part.packedSize ?? (isFormula ? data.size : (packed as Uint8Array).length);
    const offset = part.offset ?? at;
    const label = new TextEncoder().encode(name);
    const wide = zip64 || offset >= 2 ** 32 || size >= 2 ** 32;
    const common = assemble(
      u2(part.flags ?? 0),
      u2(part.method ?? (deflate ? 8 : 0)),
      number("u4", 0),
      u4(part.crc ?? (isFormula ? data.crc : crc32(data))),
      wide ? u4(2 ** 32) : u4(packedSize),
      wide ? u4(2 ** 32) : u4(size),
      u2(label.length),
    );
    const sizes = assemble(number("u8", size), number("u8", packedSize));
    const localExtra = wide ? assemble(u2(1), u2(16), sizes) : new Uint8Array(0);
    add(assemble("PK\u0003\u0004", u2(45), common, u2(localExtra.length), label, localExtra));
    add(packed);
    const extra = wide ? assemble(u2(1), u2(24), sizes, number("u8", offset)) : new Uint8Array(0);
    records.push(
      assemble(
        "PK\u0001\u0002",
        u2(45),
        u2(45),
        common,
        u2(extra.length),
        new Uint8Array(10),
        wide ? u4(2 ** 32) : u4(offset),
        label,
        extra,
      ),
    );
  }
  const begin = at;
  const directory = assemble(...records);
  add(directory);
  if (zip64 || begin >= 2 ** 32) {
    const end = at;
    const counts = assemble(number("u8", entries), number("u8", entries));
    const place = assemble(number("u8", directory.length), number("u8", begin));
    add(assemble("PK\u0006\u0006", number("u8", 44), u2(45), u2(45), new Uint8Array(8), counts, place));
    add(assemble("PK\u0006\u0007", number("u4", 0), number("u8", end), number("u4", 1)));
  }
  const wide = begin >= 2 ** 32;
  const count = u2(Math.min(entries, 0xffff));
  add(
    assemble("PK\u0005\u0006", number("u4", 0), count, count, u4(directory.length), u4(wide ? 2 ** 32 : begin), u2(0)),
  );
  return { segments, size: at };
}

/** A zip archive as bytes. */
export function writeZip(parts: readonly ZipPart[], options: ZipOptions = {}): Uint8Array<ArrayBuffer> {
  const { segments, size } = layOut(parts, options);
  const bytes = new Uint8Array(size);
  for (const { begin, data } of segments) {
    if ("byteAt" in data) for (let i = 0; i < data.size; i++) bytes[begin + i] = data.byteAt(i);
    else bytes.set(data, begin);
  }
  return bytes;
}

/** A zip archive that is not in memory: of any size, with entries by formula. Counts the bytes read of it. */
export function virtualZip(parts: readonly ZipPart[], options: ZipOptions = {}): ByteSource & { bytesRead(): number } {
  const { segments, size } = layOut(parts, options);
  let bytesRead = 0;
  return {
    name: "virtual.pt",
    size,
    bytesRead: () => bytesRead,
    async read(begin, length) {
      if (begin < 0 || begin + length > size) throw new Error("read outside of the virtual file");
      bytesRead += length;
      const bytes = new Uint8Array(length);
      for (const { begin: from, data } of segments) {
        const until = Math.min(begin + length, from + ("byteAt" in data ? data.size : data.length));
        const first = Math.max(begin, from);
        if (first >= until) continue;
        const range =
          "byteAt" in data ? data.range?.(first - from, until - from) : data.subarray(first - from, until - from);
        if (range) bytes.set(range, first - begin);
        else for (let at = first; at < until; at++) bytes[at - begin] = (data as Formula).byteAt(at - from);
      }
      return bytes;
    },
  };
}

/** A storage for `writeTorchArchive`. */
export interface TestStorage {
  /** As in `torch.FloatStorage`. */
  readonly type: string;
  readonly data: Uint8Array | Formula;
  /** In elements. */
  readonly length: number;
}

/** A tensor as `torch.save` writes it. */
export function tensor(
  storage: TestStorage & { key: string },
  { offset = 0, shape, strides }: { offset?: number; shape: readonly number[]; strides: readonly number[] },
): Writable {
  const id = tuple("storage", global("torch", storage.type), storage.key, "cpu", storage.length);
  return reduce(
    global("torch._utils", "_rebuild_tensor_v2"),
    persistent(id),
    offset,
    tuple(...shape),
    tuple(...strides),
    false,
    reduce(global("collections", "OrderedDict")),
  );
}

/** Float32 numbers as a storage. */
export function floatStorage(key: string, values: readonly number[]): TestStorage & { key: string } {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  return { key, type: "FloatStorage", data, length: values.length };
}

/** The entries of a checkpoint. */
export function torchParts(
  value: Writable | Uint8Array,
  {
    storages = [],
    root = "archive",
    byteOrder = "little",
    more = [],
    deflate,
  }: {
    storages?: readonly (TestStorage & { key: string })[];
    root?: string;
    byteOrder?: string | undefined;
    more?: readonly ZipPart[];
    deflate?: Packer;
  } = {},
): ZipPart[] {
  const text = (name: string, content: string): ZipPart => ({ name: `${root}/${name}`, data: assemble(content) });
  return [
    { name: `${root}/data.pkl`, data: value instanceof Uint8Array ? value : writePickle(value), deflate },
    ...(byteOrder === undefined ? [] : [text("byteorder", byteOrder)]),
    ...storages.map(({ key, data }): ZipPart => ({ name: `${root}/data/${key}`, data, deflate })),
    text("version", "3\n"),
    ...more,
  ];
}

/** A checkpoint as bytes. */
export function writeTorchArchive(
  value: Writable | Uint8Array,
  options: Parameters<typeof torchParts>[1] & ZipOptions = {},
): Uint8Array<ArrayBuffer> {
  return writeZip(torchParts(value, options), options);
}

/** A checkpoint that is written and opened, under the name a.pth. */
export function openWritten(
  value: Writable | Uint8Array,
  { limits = {}, ...options }: Parameters<typeof writeTorchArchive>[1] & { limits?: Partial<ArchiveLimits> } = {},
): Promise<TorchArchive> {
  return openTorchArchive(bytesSource(writeTorchArchive(value, options), { name: "a.pth" }), limits);
}

/** A dict of text and values. */
export const dict = (entries: Record<string, Writable>): Writable => new Map(Object.entries(entries));

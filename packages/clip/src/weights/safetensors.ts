import { decodeFloat16 } from "../float16.js";
import type { Floats } from "../floats.js";

/** Whole numbers with a shape, row-major; what integer and boolean tensors of a file become. */
export interface IntTensor {
  readonly data: Int32Array;
  readonly shape: readonly number[];
}

/** IEEE half-precision numbers as 16-bit patterns with a shape, row-major; a file's F16 tensor, to write one. */
export interface HalfTensor {
  readonly data: Uint16Array;
  readonly shape: readonly number[];
}

/** What a safetensors file says about one tensor: `begin` and `end` count bytes after the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The checked header of a safetensors file: its tensors in file order and where their bytes start. */
export interface SafetensorsHeader {
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Record<string, string>;
  readonly dataStart: number;
}

const bytesPerElement: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};
const largestHeader = 100_000_000; // as in the format's own reader

/**
 * Reads a safetensors file that is in memory: F32, F16, BF16 and F64 become float32, integers and booleans int32.
 * Every size is checked against the file before memory is taken; the tensors are copies, aligned and independent of `bytes`.
 * Throws one line that says what is wrong. Format: https://github.com/huggingface/safetensors#format
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from "@locoop/clip";
 *
 * const bytes = writeSafetensors({ context: { data: new Float32Array([1, 2]), shape: [1, 2] } }, { epoch: "50" });
 * const { tensors, metadata } = readSafetensors(bytes);
 * console.log(tensors.get("context")?.shape, metadata.epoch); // → 1,2 50
 * ```
 */
export function readSafetensors(bytes: Uint8Array): {
  tensors: Map<string, Floats | IntTensor>;
  metadata: Record<string, string>;
} {
  const size = readHeaderSize(bytes, bytes.byteLength);
  const header = parseSafetensorsHeader(bytes.subarray(8, 8 + size), bytes.byteLength);
  const tensors = new Map<string, Floats | IntTensor>();
  for (const entry of header.entries) {
    tensors.set(
      entry.name,
      decodeTensor(entry, bytes.subarray(header.dataStart + entry.begin, header.dataStart + entry.end)),
    );
  }
  return { tensors, metadata: header.metadata };
}

/** The header's size in bytes, from a file's first eight bytes, checked against the file's size. */
export function readHeaderSize(start: Uint8Array, fileSize: number): number {
  if (fileSize < 8) throw new Error(`not a safetensors file: it has ${fileSize} bytes, a header needs 8`);
  const size = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (size > largestHeader || size > fileSize - 8) {
    throw new Error(
      `not a safetensors file, or cut short: it claims a header of ${size} bytes, the file has ${fileSize}`,
    );
  }
  return size;
}

/** Parses and checks a header (the JSON bytes alone) of a file of `fileSize` bytes; throws one line on any contradiction. */
export function parseSafetensorsHeader(json: Uint8Array, fileSize: number): SafetensorsHeader {
  const dataStart = 8 + json.byteLength;
  const parsed = parseJson(json);
  let metadata: Record<string, string> = {};
  const entries: SafetensorsEntry[] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") metadata = readMetadata(value);
    else entries.push(readEntry(name, value));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of entries) {
    if (begin < position) throw new Error(`damaged safetensors file: tensor "${name}" overlaps the one before it`);
    if (begin > position) throw new Error(`damaged safetensors file: a gap of unused bytes before tensor "${name}"`);
    position = end;
  }
  if (dataStart + position !== fileSize) {
    throw new Error(
      `damaged safetensors file: its tensors need ${dataStart + position} bytes, the file has ${fileSize}`,
    );
  }
  return { entries, metadata, dataStart };
}

function parseJson(json: Uint8Array): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    throw new Error("not a safetensors file: its header is not JSON");
  }
  if (!isRecord(parsed)) throw new Error("not a safetensors file: its header is not a JSON object");
  return parsed;
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw new Error("damaged safetensors file: its metadata is not an object of strings");
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw new Error(`damaged safetensors file: metadata "${key}" is not a string`);
  }
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown): SafetensorsEntry {
  const damaged = (reason: string): Error => new Error(`damaged safetensors file: tensor "${name}" ${reason}`);
  if (!isRecord(value)) throw damaged("has no description");
  const { dtype, shape, data_offsets: offsets } = value;
  const width = typeof dtype === "string" && Object.hasOwn(bytesPerElement, dtype) ? bytesPerElement[dtype] : undefined;
  if (typeof dtype !== "string" || width === undefined) {
    throw new Error(
      `tensor "${name}" has the type ${String(dtype)}, which is not read; convert it to F32, F16, BF16 or F64`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) throw damaged("has a shape that is not a list of sizes");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw damaged("has no byte range of two offsets");
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product: number, side) => product * side, width);
  if (end - begin !== bytes)
    throw damaged(`needs ${bytes} bytes for ${dtype} [${shape.join(",")}], has ${end - begin}`);
  return { name, dtype, shape: shape as number[], begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Widens one tensor's bytes to float32 or int32; `bytes` must be exactly the entry's. */
export function decodeTensor(entry: SafetensorsEntry, bytes: Uint8Array): Floats | IntTensor {
  const { name, dtype, shape } = entry;
  // A copy is aligned, and does not keep (or, sent to a worker, carry along) the whole file.
  const buffer = new Uint8Array(bytes).buffer; // `slice` of a Node Buffer would not copy
  switch (dtype) {
    case "F32":
      return { data: new Float32Array(buffer), shape };
    case "F64":
      return { data: Float32Array.from(new Float64Array(buffer)), shape };
    case "F16":
      return { data: decodeFloat16(new Uint16Array(buffer)), shape };
    case "BF16":
      return { data: widenBrainFloat(new Uint16Array(buffer)), shape };
    case "I64":
      return { data: narrow(name, new BigInt64Array(buffer)), shape };
    case "U64":
      return { data: narrow(name, new BigUint64Array(buffer)), shape };
    case "U32":
      return { data: narrow(name, new Uint32Array(buffer)), shape };
    case "I32":
      return { data: new Int32Array(buffer), shape };
    case "I16":
      return { data: Int32Array.from(new Int16Array(buffer)), shape };
    case "U16":
      return { data: Int32Array.from(new Uint16Array(buffer)), shape };
    case "I8":
      return { data: Int32Array.from(new Int8Array(buffer)), shape };
    default:
      return { data: Int32Array.from(new Uint8Array(buffer)), shape };
  }
}

function narrow(name: string, values: BigInt64Array | BigUint64Array | Uint32Array): Int32Array {
  const data = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value !== (value | 0)) throw new Error(`tensor "${name}" holds ${value}, which is not a 32-bit integer`);
    data[i] = value;
  }
  return data;
}

/** bfloat16 is the upper half of a float32. */
function widenBrainFloat(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  return new Float32Array(bits.buffer);
}

/**
 * Writes tensors as a safetensors file (float32 as F32, int32 as I32, 16-bit patterns of `encodeFloat16` as F16): names sorted,
 * header padded to eight bytes, so equal input gives equal bytes.
 * Throws if a shape does not fit its data. Format: https://github.com/huggingface/safetensors#format
 *
 * @example
 * ```ts
 * import { writeSafetensors } from "@locoop/clip";
 *
 * const bytes = writeSafetensors({ context: { data: new Float32Array(16 * 512), shape: [16, 512] } }, { epoch: "50" });
 * console.log(bytes.byteLength % 8); // → 0
 * ```
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, Floats | IntTensor | HalfTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const names = Object.keys(tensors).sort();
  const description: [string, unknown][] = [];
  if (metadata) {
    description.push([
      "__metadata__",
      Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))),
    ]);
  }
  let position = 0;
  for (const name of names) {
    const { data, shape } = tensors[name] as Floats | IntTensor | HalfTensor;
    if (name === "__metadata__") throw new Error('"__metadata__" is not a name for a tensor; choose another');
    if (shape.reduce((product, side) => product * side, 1) !== data.length) {
      throw new Error(
        `tensor "${name}" has ${data.length} numbers, its shape [${shape.join(",")}] asks for another count`,
      );
    }
    const end = position + data.byteLength;
    const dtype = data instanceof Float32Array ? "F32" : data instanceof Uint16Array ? "F16" : "I32";
    description.push([name, { dtype, shape, data_offsets: [position, end] }]);
    position = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(description)));
  const dataStart = 8 + Math.ceil(json.byteLength / 8) * 8;
  const file = new Uint8Array(dataStart + position);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  file.fill(0x20, 8 + json.byteLength, dataStart);
  file.set(json, 8);
  let offset = dataStart;
  for (const name of names) {
    const { data } = tensors[name] as Floats | IntTensor | HalfTensor;
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

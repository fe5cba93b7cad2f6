import { printable, shown } from "./printable.js";
import { bytesPerElement } from "./tensor-data.js";

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

const largestHeader = 100_000_000; // as in the format's own reader

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
    if (begin < position)
      throw new Error(`damaged safetensors file: tensor "${printable(name)}" overlaps the one before it`);
    if (begin > position)
      throw new Error(`damaged safetensors file: a gap of unused bytes before tensor "${printable(name)}"`);
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
    if (typeof text !== "string")
      throw new Error(`damaged safetensors file: metadata "${printable(key)}" is not a string`);
  }
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown): SafetensorsEntry {
  const damaged = (reason: string): Error =>
    new Error(`damaged safetensors file: tensor "${printable(name)}" ${reason}`);
  if (!isRecord(value)) throw damaged("has no description");
  const { dtype, shape, data_offsets: offsets } = value;
  const width = typeof dtype === "string" && Object.hasOwn(bytesPerElement, dtype) ? bytesPerElement[dtype] : undefined;
  if (typeof dtype !== "string" || width === undefined) {
    throw new Error(
      `tensor "${printable(name)}" has the type ${shown(dtype)}, which is not read; convert it to F32, F16, BF16 or F64`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) throw damaged("has a shape that is not a list of sizes");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw damaged("has no byte range of two offsets");
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product: number, side) => product * side, width);
  if (end - begin !== bytes)
    throw damaged(`needs ${bytes} bytes for ${dtype} [${printable(shape.join(","))}], has ${end - begin}`);
  return { name, dtype, shape: shape as number[], begin, end };
}

/** Whether a value of parsed JSON is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

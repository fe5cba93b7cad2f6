// The two passes in WebAssembly SIMD (the module is written by tools/make-resample-wasm.mjs), equal to the plain ones bit for bit.
// The module's columns loop does both: for the horizontal pass sixteen rows at a time are turned, so that pixel x of them all
// is one row of 3 x 16 bytes. Pictures go through a bounded memory in bands.
import type { Kernels } from "./resample-kernels.js";
import { plainPasses } from "./resample-plain.js";
import type { Passes, View } from "./resample-plain.js";
import { resampleWasm } from "./resample-wasm.js";

interface Module {
  readonly memory: WebAssembly.Memory;
  columns(
    table: number,
    entry: number,
    outputs: number,
    source: number,
    stride: number,
    width: number,
    target: number,
    targetStride: number,
  ): void;
  transpose(
    tiles: number,
    source: number,
    stride: number,
    step: number,
    target: number,
    targetStride: number,
    targetStep: number,
  ): void;
}

/** The outputs `begin` to `end` of kernels and the inputs `first` to `first + span` that they read. */
interface Part {
  readonly begin: number;
  readonly end: number;
  readonly first: number;
  readonly span: number;
}

const page = 65_536;
const memoryLimit = 64 * page;
const lanes = 16;
const pixel = 3 * lanes; // one pixel of sixteen turned rows
const slack = 2 * pixel; // blocks are read and written whole, and the last of an odd count of taps has a partner
const bandBytes = 2 * page;
const low = 15; // bits of a weight's lower part

let passes: Passes | undefined;

/** The fastest passes here: WebAssembly SIMD, made at the first call, or the plain ones where it is missing or forbidden. */
export function fastestPasses(): Passes {
  if (!passes) {
    try {
      passes = createSimdPasses();
    } catch {
      passes = plainPasses;
    }
  }
  return passes;
}

/** Compiles the module. Throws where WebAssembly, its SIMD or compiling as such is not to be had. */
export function createSimdPasses(): Passes {
  const bytes = Uint8Array.from(atob(resampleWasm), (character) => character.charCodeAt(0));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const module = exports as unknown as Module;
  let memory = new Uint8Array(module.memory.buffer);

  function reserve(length: number): void {
    if (length <= memory.length) return;
    module.memory.grow(Math.ceil((length - memory.length) / page));
    memory = new Uint8Array(module.memory.buffer);
  }

  function rows(view: View, top: number, rowCount: number, kernels: Kernels): Uint8Array<ArrayBuffer> {
    const width = kernels.first.length;
    const { table, entry } = packed(kernels);
    // Sixteen rows and the same turned, of input and of output; more rows only as far as they are small.
    const fits = ({ begin, end, span }: Part): boolean =>
      (end - begin) * (entry + 2 * pixel) + span * 2 * pixel + 5 * slack + 2 * bandBytes <= memoryLimit;
    const parts = split(kernels, fits);
    if (!parts) return plainPasses.rows(view, top, rowCount, kernels);
    const result = new Uint8Array(rowCount * width * 3);
    for (const { begin, end, first, span } of parts) {
      const count = end - begin;
      const band =
        lanes *
        Math.max(1, Math.min(Math.ceil(rowCount / lanes), Math.floor(bandBytes / pixel / Math.max(span, count))));
      const turned = ceil16(count * entry);
      const turnedResult = turned + ceil16(span * 3) * lanes + slack;
      const to = turnedResult + count * pixel + slack;
      const from = to + band * count * 3 + slack;
      reserve(from + band * span * 3 + slack);
      memory.set(table.subarray(begin * entry, end * entry));
      for (let y = 0; y < rowCount; y += band) {
        const used = Math.min(band, rowCount - y);
        copyRows(view, top + y, used, first, span, from);
        for (let row = 0; row < used; row += lanes) {
          const target = to + row * count * 3;
          module.transpose(Math.ceil((span * 3) / lanes), from + row * span * 3, span * 3, lanes, turned, lanes, 256);
          module.columns(0, entry, count, turned - first * pixel, pixel, pixel, turnedResult, pixel);
          module.transpose(Math.ceil((count * 3) / lanes), turnedResult, lanes, 256, target, count * 3, lanes);
        }
        paste(to, used, count * 3, result, (y * width + begin) * 3, width * 3);
      }
    }
    return result;
  }

  function columns(view: View, left: number, columnCount: number, kernels: Kernels): Uint8Array<ArrayBuffer> {
    const height = kernels.first.length;
    const { table, entry } = packed(kernels);
    let width = columnCount;
    const fits = ({ begin, end, span }: Part): boolean =>
      (end - begin) * (entry + width * 3) + (span + 1) * width * 3 + 3 * slack <= memoryLimit;
    let parts = split(kernels, fits);
    for (; !parts && width > lanes; parts = split(kernels, fits)) width = Math.ceil(width / 2);
    if (!parts) return plainPasses.columns(view, left, columnCount, kernels);
    const result = new Uint8Array(height * columnCount * 3);
    for (let x = 0; x < columnCount; x += width) {
      const used = Math.min(width, columnCount - x);
      for (const { begin, end, first, span } of parts) {
        const count = end - begin;
        const to = ceil16(count * entry);
        const from = to + count * used * 3 + slack;
        reserve(from + (span + 1) * used * 3 + slack);
        memory.set(table.subarray(begin * entry, end * entry));
        copyRows(view, first, span, left + x, used, from);
        module.columns(0, entry, count, from - first * used * 3, used * 3, used * 3, to, used * 3);
        paste(to, count, used * 3, result, (begin * columnCount + x) * 3, columnCount * 3);
      }
    }
    return result;
  }

  /** Copies `count` pixels of each row from pixel `left` on, close together. */
  function copyRows(
    { data, offset, stride }: View,
    top: number,
    rowCount: number,
    left: number,
    count: number,
    to: number,
  ): void {
    const from = offset + top * stride + left * 3;
    if (count * 3 === stride) {
      memory.set(data.subarray(from, from + rowCount * stride), to);
      return;
    }
    for (let y = 0; y < rowCount; y++) {
      memory.set(data.subarray(from + y * stride, from + y * stride + count * 3), to + y * count * 3);
    }
  }

  function paste(from: number, rowCount: number, width: number, result: Uint8Array, to: number, stride: number): void {
    if (width === stride) {
      result.set(memory.subarray(from, from + rowCount * width), to);
      return;
    }
    for (let y = 0; y < rowCount; y++) {
      result.set(memory.subarray(from + y * width, from + (y + 1) * width), to + y * stride);
    }
  }

  return { rows, columns };
}

const ceil16 = (value: number): number => Math.ceil(value / lanes) * lanes;

/** Cuts the outputs into the fewest equal parts that fit; undefined where one output alone does not. */
function split({ first, counts }: Kernels, fits: (part: Part) => boolean): Part[] | undefined {
  for (let size = first.length; ; size = Math.ceil(size / 2)) {
    const parts: Part[] = [];
    for (let begin = 0; begin < first.length; begin += size) {
      const end = Math.min(begin + size, first.length);
      const from = first[begin] as number;
      parts.push({ begin, end, first: from, span: (first[end - 1] as number) + (counts[end - 1] as number) - from });
    }
    if (parts.every(fits)) return parts;
    if (size === 1) return undefined;
  }
}

const tables = new WeakMap<Kernels, { table: Uint8Array; entry: number }>();

/** The weights as the module reads them, `entry` bytes for every output. */
function packed(kernels: Kernels): { table: Uint8Array; entry: number } {
  const known = tables.get(kernels);
  if (known) return known;
  const { first, counts, weights, size } = kernels;
  const entry = 8 + 8 * Math.ceil(size / 2);
  const table = new DataView(new ArrayBuffer(first.length * entry));
  for (let i = 0; i < first.length; i++) {
    const count = counts[i] as number;
    table.setInt32(i * entry, first[i] as number, true);
    table.setInt32(i * entry + 4, Math.ceil(count / 2) * 8, true);
    for (let k = 0; k < count; k++) {
      const weight = weights[i * size + k] as number;
      const at = i * entry + 8 + (k >> 1) * 8 + (k & 1) * 2;
      const lower = (weight << (32 - low)) >> (32 - low);
      table.setInt16(at, (weight - lower) >> low, true);
      table.setInt16(at + 4, lower, true);
    }
  }
  const made = { table: new Uint8Array(table.buffer), entry };
  tables.set(kernels, made);
  return made;
}

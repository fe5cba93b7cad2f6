// The two passes in plain TypeScript: what WebAssembly SIMD must equal, and what runs where that is missing.
import { bits } from "./resample-kernels.js";
import type { Kernels } from "./resample-kernels.js";

/** Pixel (x, y) of a rectangle begins at byte `offset + y * stride + 3 * x` of `data`. */
export interface View {
  readonly data: Uint8Array;
  readonly offset: number;
  readonly stride: number;
}

/** The two passes of a resize; `resample` decides on their order. */
export interface Passes {
  /** The horizontal pass over `rowCount` rows from row `top` on: to [rowCount, w, 3]. */
  rows(view: View, top: number, rowCount: number, kernels: Kernels): Uint8Array<ArrayBuffer>;
  /** The vertical pass over `columnCount` columns from column `left` on: to [h, columnCount, 3]. */
  columns(view: View, left: number, columnCount: number, kernels: Kernels): Uint8Array<ArrayBuffer>;
}

const half = 1 << (bits - 1);

/** The passes that run everywhere. */
export const plainPasses: Passes = { rows: resampleRows, columns: resampleColumns };

/** [rowCount, W, 3] to [rowCount, w, 3]. */
function resampleRows(
  { data, offset, stride }: View,
  top: number,
  rowCount: number,
  { first, counts, weights, size }: Kernels,
): Uint8Array<ArrayBuffer> {
  const width = first.length;
  const result = new Uint8ClampedArray(rowCount * width * 3);
  let to = 0;
  for (let y = top; y < top + rowCount; y++) {
    const row = offset + y * stride;
    for (let x = 0; x < width; x++) {
      let red = half;
      let green = half;
      let blue = half;
      let from = row + (first[x] as number) * 3;
      const begin = x * size;
      const end = begin + (counts[x] as number);
      for (let k = begin; k < end; k++) {
        const weight = weights[k] as number;
        red += (data[from] as number) * weight;
        green += (data[from + 1] as number) * weight;
        blue += (data[from + 2] as number) * weight;
        from += 3;
      }
      result[to] = red >> bits;
      result[to + 1] = green >> bits;
      result[to + 2] = blue >> bits;
      to += 3;
    }
  }
  return new Uint8Array(result.buffer);
}

/** [H, columnCount, 3] to [h, columnCount, 3]. */
function resampleColumns(
  { data, offset, stride }: View,
  left: number,
  columnCount: number,
  { first, counts, weights, size }: Kernels,
): Uint8Array<ArrayBuffer> {
  const width = columnCount * 3;
  const result = new Uint8ClampedArray(first.length * width);
  const sums = new Int32Array(width);
  for (let y = 0; y < first.length; y++) {
    sums.fill(half);
    for (let k = 0; k < (counts[y] as number); k++) {
      const weight = weights[y * size + k] as number;
      const from = offset + ((first[y] as number) + k) * stride + left * 3;
      for (let i = 0; i < width; i++) sums[i] = (sums[i] as number) + (data[from + i] as number) * weight;
    }
    const to = y * width;
    for (let i = 0; i < width; i++) result[to + i] = (sums[i] as number) >> bits;
  }
  return new Uint8Array(result.buffer);
}

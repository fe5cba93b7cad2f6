// Pillow's `ImagingResample` for 8-bit pictures, bicubic: https://github.com/python-pillow/Pillow `src/libImaging/Resample.c`.
// Weights are rounded to 22 bits and the first of two passes to bytes, in the order Pillow 13 takes: so results are equal bit for bit.
import type { RgbImage } from "./image.js";

/** A rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The weights of one axis: output i is the sum of inputs `first[i]` to `first[i] + counts[i]` times `weights[i * size ...]`. */
interface Kernels {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
  readonly size: number;
}

/** Pixel (x, y) of a rectangle begins at byte `offset + y * stride + 3 * x` of `data`. */
interface View {
  readonly data: Uint8Array;
  readonly offset: number;
  readonly stride: number;
}

const bits = 22;
const half = 1 << (bits - 1);

/**
 * Resizes the rectangle `source` of a picture to `width` x `height` and returns the part `window` of the result, [h,w,3].
 * Each result depends on its own weights only, so computing just the window changes no byte of it.
 */
export function resample(
  { data, width: fullWidth }: RgbImage,
  source: Box,
  { width, height }: { width: number; height: number },
  window: Box,
): Uint8Array<ArrayBuffer> {
  const view = { data, offset: (source.top * fullWidth + source.left) * 3, stride: fullWidth * 3 };
  const x = width === source.width ? undefined : kernels(source.width, width, window.left, window.width);
  const y = height === source.height ? undefined : kernels(source.height, height, window.top, window.height);
  if (!x && !y) return copy(view, window);
  if (!y) return resampleRows(view, window.top, window.height, x as Kernels);
  if (!x) return resampleColumns(view, window.left, window.width, y);
  // Pillow 13 begins with the columns where that leaves it much less to do. The order shows in the rounding.
  const columnsFirst = height < source.height && source.height - height > 2 * (source.width - width);
  if (columnsFirst) {
    const [left, count] = span(x);
    const lowered = resampleColumns(view, left, count, y);
    return resampleRows({ data: lowered, offset: -left * 3, stride: count * 3 }, 0, window.height, x);
  }
  const [top, count] = span(y);
  const stride = window.width * 3;
  const narrowed = resampleRows(view, top, count, x);
  return resampleColumns({ data: narrowed, offset: -top * stride, stride }, 0, window.width, y);
}

/** The first input that kernels touch, and how many from there on. */
function span({ first, counts }: Kernels): [number, number] {
  const last = first.length - 1;
  const begin = first[0] as number;
  return [begin, (first[last] as number) + (counts[last] as number) - begin];
}

function copy({ data, offset, stride }: View, { left, top, width, height }: Box): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = offset + (top + y) * stride + left * 3;
    result.set(data.subarray(from, from + width * 3), y * width * 3);
  }
  return result;
}

/** The horizontal pass over `rowCount` rows from row `top` on: [rowCount, W, 3] to [rowCount, w, 3]. */
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

/** The vertical pass over `columnCount` columns from column `left` on: [H, columnCount, 3] to [h, columnCount, 3]. */
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

/** The weights of outputs `begin` to `begin + count` when `inSize` pixels become `outSize`; when shrinking, wide enough to antialias. */
function kernels(inSize: number, outSize: number, begin: number, count: number): Kernels {
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  const size = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * size);
  const raw = new Float64Array(size);
  for (let i = 0; i < count; i++) {
    const center = (begin + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const used = Math.min(inSize, Math.trunc(center + support + 0.5)) - low;
    let total = 0;
    for (let k = 0; k < used; k++) {
      const weight = bicubic((k + low - center + 0.5) * (1 / filterScale));
      raw[k] = weight;
      total += weight;
    }
    for (let k = 0; k < used; k++) {
      const weight = ((raw[k] as number) / total) * (1 << bits);
      weights[i * size + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[i] = low;
    counts[i] = used;
  }
  return { first, counts, weights, size };
}

/** Keys' cubic with a = -0.5. */
function bicubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * -0.5;
  return 0;
}

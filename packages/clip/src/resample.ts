// Pillow's `ImagingResample` for 8-bit pictures, bicubic: https://github.com/python-pillow/Pillow `src/libImaging/Resample.c`.
// Weights are rounded to 22 bits and the first of two passes to bytes, in the order Pillow 13 takes: so results are equal bit for bit.
import type { RgbImage } from "./image.js";
import { kernels } from "./resample-kernels.js";
import type { Kernels } from "./resample-kernels.js";
import type { Passes, View } from "./resample-plain.js";
import { fastestPasses } from "./resample-simd.js";

/** A rectangle in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Resizes the rectangle `source` of a picture to `width` x `height` and returns the part `window` of the result, [h,w,3].
 * Each result depends on its own weights only, so computing just the window changes no byte of it.
 */
export function resample(
  { data, width: fullWidth }: RgbImage,
  source: Box,
  { width, height }: { width: number; height: number },
  window: Box,
  passes: Passes = fastestPasses(),
): Uint8Array<ArrayBuffer> {
  const view = { data, offset: (source.top * fullWidth + source.left) * 3, stride: fullWidth * 3 };
  const x = width === source.width ? undefined : kernels(source.width, width, window.left, window.width);
  const y = height === source.height ? undefined : kernels(source.height, height, window.top, window.height);
  if (!x && !y) return copy(view, window);
  if (!y) return passes.rows(view, window.top, window.height, x as Kernels);
  if (!x) return passes.columns(view, window.left, window.width, y);
  // Pillow 13 begins with the columns where that leaves it much less to do. The order shows in the rounding.
  const columnsFirst = height < source.height && source.height - height > 2 * (source.width - width);
  if (columnsFirst) {
    const [left, count] = span(x);
    const lowered = passes.columns(view, left, count, y);
    return passes.rows({ data: lowered, offset: -left * 3, stride: count * 3 }, 0, window.height, x);
  }
  const [top, count] = span(y);
  const stride = window.width * 3;
  const narrowed = passes.rows(view, top, count, x);
  return passes.columns({ data: narrowed, offset: -top * stride, stride }, 0, window.width, y);
}

/** The first input that kernels touch, and how many from there on. */
function span({ first, counts }: Kernels): [number, number] {
  const last = first.length - 1;
  const begin = first[0] as number;
  return [begin, (first[last] as number) + (counts[last] as number) - begin];
}

function copy({ data, offset, stride }: View, { left, top, width, height }: Box): Uint8Array<ArrayBuffer> {
  if (width * 3 === stride)
    return new Uint8Array(data.subarray(offset + top * stride, offset + (top + height) * stride));
  const result = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = offset + (top + y) * stride + left * 3;
    result.set(data.subarray(from, from + width * 3), y * width * 3);
  }
  return result;
}

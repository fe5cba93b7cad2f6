import type { Floats } from "./floats.js";
import type { ImageFeatures } from "./towers/contracts.js";

/** Cosines of pictures with classes as plain arrays: `global` [B,C] and, where the pictures have regions, `local` [B,P,C]. */
export interface Cosines {
  readonly global: Float32Array;
  readonly local?: Float32Array;
  readonly classes: number;
  readonly regions?: number;
}

/**
 * Divides every row (last axis) by its Euclidean length; a row of zeros stays zeros.
 *
 * @example
 * ```ts
 * import { normalizeRows } from "@locoop/clip";
 *
 * const { data } = normalizeRows({ data: new Float32Array([0, 4]), shape: [1, 2] });
 * console.log(data.join(" ")); // → 0 1
 * ```
 */
export function normalizeRows({ data, shape }: Floats): Floats {
  const width = shape.at(-1)!;
  const result = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += width) {
    let total = 0;
    for (let i = start; i < start + width; i++) total += data[i]! * data[i]!;
    const scale = total === 0 ? 0 : 1 / Math.sqrt(total);
    for (let i = start; i < start + width; i++) result[i] = data[i]! * scale;
  }
  return { data: result, shape };
}

/**
 * Cosines of picture features, global [B,E] and local [B,P,E], with class features [C,E]; both are normalised here.
 * Throws where the two have different widths.
 *
 * @example
 * ```ts
 * import { cosines } from "@locoop/clip";
 *
 * const global = { data: new Float32Array([2, 0]), shape: [1, 2] };
 * const classes = { data: new Float32Array([1, 0, 0, 5]), shape: [2, 2] };
 * console.log(cosines({ global }, classes).global.join(" ")); // → 1 0
 * ```
 */
export function cosines(images: ImageFeatures, classes: Floats): Cosines {
  const [count, width] = classes.shape as [number, number];
  for (const { shape } of [images.global, ...(images.local ? [images.local] : [])]) {
    if (shape.at(-1) !== width) {
      throw new Error(
        `cosines: expected features of width ${width}, the classes', came [${shape}]: encode both with one model`,
      );
    }
  }
  const directions = normalizeRows(classes);
  const global = products(normalizeRows(images.global), directions);
  if (images.local === undefined) return { global, classes: count };
  const local = products(normalizeRows(images.local), directions);
  return { global, local, classes: count, regions: images.local.shape[1]! };
}

/** Every row of `a` times every row of `b`. */
function products(a: Floats, b: Floats): Float32Array {
  const width = b.shape[1]!;
  const [rows, columns] = [a.data.length / width, b.shape[0]!];
  const result = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let total = 0;
      for (let k = 0; k < width; k++) total += a.data[i * width + k]! * b.data[j * width + k]!;
      result[i * columns + j] = total;
    }
  }
  return result;
}

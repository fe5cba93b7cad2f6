/**
 * Float32 numbers with a shape, row-major: what crosses every seam, `await`, cache and worker.
 *
 * @example
 * ```ts
 * import type { Floats } from "@locoop/clip";
 *
 * const rows: Floats = { data: new Float32Array(6), shape: [2, 3] };
 * ```
 */
export interface Floats {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

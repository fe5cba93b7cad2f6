/**
 * K for C classes: max(1, round(C / 5)), which is the paper's 200 for the 1000 classes of ImageNet.
 *
 * @example
 * ```ts
 * import { defaultTopK } from "locoop";
 *
 * console.log(defaultTopK(1000), defaultTopK(2)); // → 200 1
 * ```
 */
export function defaultTopK(classes: number): number {
  return Math.max(1, Math.round(classes / 5));
}

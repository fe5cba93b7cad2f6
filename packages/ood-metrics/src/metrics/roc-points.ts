import type { ScoreList } from "../checks.js";
import { last, traceCurve } from "./curve.js";

/** The ROC curve with ID positive: K + 1 points for K distinct scores, from strict to lax. */
export interface RocPoints {
  /** A point accepts every score at or above its threshold; the first accepts none and is Infinity. */
  readonly thresholds: Float64Array;
  /** Share of ID accepted, 0 to 1. */
  readonly tpr: Float64Array;
  /** Share of OOD accepted, 0 to 1. */
  readonly fpr: Float64Array;
}

/**
 * The points of the ROC curve, from (0, 0) to (1, 1), one per distinct score; none is dropped.
 *
 * Fractions. Throws on an empty list or NaN.
 *
 * @example
 * ```ts
 * import { rocPoints } from "@locoop/ood-metrics";
 * const { thresholds, tpr, fpr } = rocPoints([0.9, 0.4], [0.4, 0.3]);
 * console.log(thresholds); // → Infinity,0.9,0.4,0.3
 * console.log(tpr); // → 0,0.5,1,1
 * console.log(fpr); // → 0,0,0.5,1
 * ```
 */
export function rocPoints(id: ScoreList, ood: ScoreList): RocPoints {
  const { thresholds, positives, negatives } = traceCurve(id, ood);
  const withFirst = new Float64Array(thresholds.length + 1).fill(Infinity);
  withFirst.set(thresholds, 1);
  return {
    thresholds: withFirst,
    tpr: shares(positives),
    fpr: shares(negatives),
  };
}

function shares(counts: Float64Array): Float64Array {
  const out = new Float64Array(counts.length + 1);
  for (let k = 0; k < counts.length; k++) out[k + 1] = counts[k]! / last(counts);
  return out;
}

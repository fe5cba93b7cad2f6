import type { ScoreList } from "../checks.js";
import { last, traceCurve, type Curve } from "./curve.js";

/**
 * AUROC: the share of (ID, OOD) pairs in which the ID image scores higher, ties counted as one half.
 *
 * A fraction; exact, O(n log n); the same whichever side is positive. Throws on an empty list or NaN; infinities
 * are scores like any other. Equals scikit-learn's `roc_auc_score`, which LoCoOp's and MCM's `get_measures` calls.
 *
 * @example
 * ```ts
 * import { auroc } from "@locoop/ood-metrics";
 * console.log(auroc([0.9, 0.8, 0.4], [0.3, 0.4])); // → 0.9166666666666666
 * ```
 */
export function auroc(id: ScoreList, ood: ScoreList): number {
  return aurocOf(traceCurve(id, ood));
}

/** AUROC of a traced curve. */
export function aurocOf({ positives, negatives }: Curve): number {
  let doubled = 0; // twice the pairs won, whole numbers: exact below 2^53
  for (let k = 0; k < positives.length; k++) {
    const above = positives[k - 1] ?? 0;
    const negativesHere = negatives[k]! - (negatives[k - 1] ?? 0);
    doubled += negativesHere * (above + positives[k]!);
  }
  return doubled / 2 / (last(positives) * last(negatives));
}

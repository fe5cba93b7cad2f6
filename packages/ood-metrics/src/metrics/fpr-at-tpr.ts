import { requireChoice, requireTpr, type ScoreList } from "../checks.js";
import { last, orient, traceCurve, type Curve, type Positive } from "./curve.js";

/** Which point of the curve stands for the wanted recall: the nearest one, or the first that reaches it. */
export type FprRule = "nearest" | "at-least";

/** Conventions of `fprAtTpr`. */
export interface FprOptions {
  /** The wanted recall of the positive side, above 0, at most 1; 0.95 by default. */
  readonly tpr?: number;
  /** "id" (the default) is the paper's; "ood" is OpenOOD's: the share of ID called OOD. */
  readonly positive?: Positive;
  /**
   * "nearest" (the default) is the rule of LoCoOp and MCM: of all observed scores as thresholds, the one whose recall
   * is nearest, which may be below; of two equally near the higher recall; of equal recall the lowest threshold
   * (the largest FPR), at recall 1 the highest. "at-least" takes the strictest threshold that reaches the recall.
   */
  readonly rule?: FprRule;
}

/**
 * FPR at a TPR (FPR95 by default): the share of negatives that pass where the given share of positives passes.
 *
 * A fraction, exact; the default convention is `get_measures` of LoCoOp's and MCM's `utils/detection_util.py`.
 * Throws on an empty list, NaN, a tpr outside (0, 1], or an unknown convention.
 *
 * @example
 * ```ts
 * import { fprAtTpr } from "@locoop/ood-metrics";
 * const id = [0.9, 0.8, 0.4];
 * const ood = [0.3, 0.4];
 * // The paper's FPR95, then OpenOOD's.
 * console.log(fprAtTpr(id, ood)); // → 0.5
 * console.log(fprAtTpr(id, ood, { positive: "ood", rule: "at-least" })); // → 0.3333333333333333
 * ```
 */
export function fprAtTpr(
  id: ScoreList,
  ood: ScoreList,
  { tpr = 0.95, positive = "id", rule = "nearest" }: FprOptions = {},
): number {
  return fprOf(traceCurve(id, ood), { tpr, positive, rule });
}

/** FPR of a traced curve. */
export function fprOf(curve: Curve, { tpr, positive, rule }: Required<FprOptions>): number {
  requireTpr(tpr);
  requireChoice("rule", rule, ["nearest", "at-least"]);
  const { positives, negatives } = orient(curve, positive);
  const point = rule === "nearest" ? nearestPoint(positives, tpr) : firstPoint(positives, tpr);
  return negatives[point]! / last(negatives);
}

function firstPoint(positives: Float64Array, tpr: number): number {
  const total = last(positives);
  return positives.findIndex((count) => count / total >= tpr);
}

// The reference cuts its curve at the first point of full recall and walks from high recall to low with argmin,
// which keeps the first of equals. Distances are compared in float64 as there: |0.9 - 0.95| is not |1 - 0.95|.
function nearestPoint(positives: Float64Array, tpr: number): number {
  const total = last(positives);
  let best = positives.indexOf(total);
  for (let k = best - 1; k >= 0; k--) {
    if (Math.abs(positives[k]! / total - tpr) < Math.abs(positives[best]! / total - tpr)) best = k;
  }
  return best;
}

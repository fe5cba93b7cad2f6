import { requireChoice, type ScoreList } from "../checks.js";
import { last, orient, traceCurve, type Curve, type Positive } from "./curve.js";

/** How the area under the precision-recall curve is taken: in steps, or by trapezoids. */
export type AuprMethod = "average-precision" | "trapezoid";

/** Conventions of `aupr`. */
export interface AuprOptions {
  /** The side to be found; "id" (the default) is the paper's, AUPR-IN; "ood" is AUPR-OUT. */
  readonly positive?: Positive;
  /** "average-precision" (the default) is scikit-learn's and the paper's; "trapezoid" is pytorch-ood's and OpenOOD's. */
  readonly method?: AuprMethod;
}

/**
 * AUPR: the area under the precision-recall curve.
 *
 * A fraction. The defaults are those of LoCoOp's and MCM's `get_measures` (`average_precision_score`, ID positive).
 * Throws on an empty list, NaN, or an unknown convention.
 *
 * @example
 * ```ts
 * import { aupr } from "@locoop/ood-metrics";
 * const id = [0.9, 0.8, 0.4];
 * const ood = [0.3, 0.4];
 * console.log(aupr(id, ood), aupr(id, ood, { positive: "ood", method: "trapezoid" }));
 * ```
 */
export function aupr(
  id: ScoreList,
  ood: ScoreList,
  { positive = "id", method = "average-precision" }: AuprOptions = {},
): number {
  return auprOf(traceCurve(id, ood), { positive, method });
}

/** AUPR of a traced curve. */
export function auprOf(curve: Curve, { positive, method }: Required<AuprOptions>): number {
  requireChoice("method", method, ["average-precision", "trapezoid"]);
  const { positives, negatives } = orient(curve, positive);
  let area = 0;
  let previous = 1; // scikit-learn's curve starts at recall 0, precision 1
  for (let k = 0; k < positives.length; k++) {
    const precision = positives[k]! / (positives[k]! + negatives[k]!);
    const step = positives[k]! - (positives[k - 1] ?? 0);
    area += step * (method === "trapezoid" ? (precision + previous) / 2 : precision);
    previous = precision;
  }
  return area / last(positives);
}

import { requireTpr, type ScoreList } from "../checks.js";
import { sortScores } from "./sort.js";

/**
 * The highest threshold that keeps at least the given share of ID images: `score >= threshold` means ID.
 *
 * A score's own unit. Calibrate on ID images that were not trained on. Throws on an empty list, NaN, or a tpr
 * outside (0, 1].
 *
 * @example
 * ```ts
 * import { thresholdAtTpr } from "@locoop/ood-metrics";
 * console.log(thresholdAtTpr([0.9, 0.8, 0.7, 0.6], { tpr: 0.75 })); // → 0.7
 * ```
 */
export function thresholdAtTpr(id: ScoreList, { tpr = 0.95 }: { readonly tpr?: number } = {}): number {
  requireTpr(tpr);
  const ascending = sortScores(id, "ID");
  const total = ascending.length;
  // Multiplication may round either way; division is what defines the share.
  let keep = Math.min(total, Math.max(1, Math.ceil(tpr * total)));
  while (keep / total < tpr) keep++;
  while (keep > 1 && (keep - 1) / total >= tpr) keep--;
  return ascending[total - keep]!;
}

import { requireChoice, type ScoreList } from "../checks.js";
import { sortScores } from "./sort.js";

/** Which side counts as positive in a curve: the in-distribution images or the out-of-distribution ones. */
export type Positive = "id" | "ood";

/** How many images lie on the positive side of every observed score, from the strictest threshold on; counts, cumulative. */
export interface Curve {
  readonly thresholds: Float64Array; // [K] distinct scores, ID or OOD
  readonly positives: Float64Array; // [K]; the last is their number
  readonly negatives: Float64Array; // [K]
}

/** The curve with ID positive: one point per distinct score, descending, each accepting all scores at or above it. */
export function traceCurve(id: ScoreList, ood: ScoreList): Curve {
  return mergeScores(sortScores(id, "ID"), sortScores(ood, "OOD"));
}

/** The curve of scores that `sortScores` has sorted; -0 and 0 are one threshold. */
export function mergeScores(ids: Float64Array, oods: Float64Array): Curve {
  const thresholds = new Float64Array(ids.length + oods.length);
  const positives = new Float64Array(thresholds.length);
  const negatives = new Float64Array(thresholds.length);
  let i = ids.length;
  let o = oods.length;
  let points = 0;
  while (i > 0 || o > 0) {
    const threshold = Math.max(i > 0 ? ids[i - 1]! : -Infinity, o > 0 ? oods[o - 1]! : -Infinity);
    while (i > 0 && ids[i - 1] === threshold) i--;
    while (o > 0 && oods[o - 1] === threshold) o--;
    thresholds[points] = threshold;
    positives[points] = ids.length - i;
    negatives[points] = oods.length - o;
    points++;
  }
  return {
    thresholds: thresholds.subarray(0, points),
    positives: positives.subarray(0, points),
    negatives: negatives.subarray(0, points),
  };
}

/** The same curve seen from the chosen side; with OOD positive a point accepts all scores at or below its threshold. */
export function orient(curve: Curve, positive: Positive): Curve {
  requireChoice("positive", positive, ["id", "ood"]);
  if (positive === "id") return curve;
  return {
    thresholds: curve.thresholds.slice().reverse(),
    positives: complement(curve.negatives),
    negatives: complement(curve.positives),
  };
}

/** The number of positives or negatives in all. */
export function last(counts: Float64Array): number {
  return counts[counts.length - 1]!;
}

// Of the n images, those not strictly above the threshold, from the lowest threshold up.
function complement(counts: Float64Array): Float64Array {
  const total = last(counts);
  return counts.map((_, k) => total - (counts[counts.length - 2 - k] ?? 0));
}

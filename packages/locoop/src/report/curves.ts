import { rocPoints } from "@locoop/ood-metrics";

/** A point of a drawn curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The ROC curve as points of a drawing, ID positive; thinned to steps that can be seen. */
export function rocCurve(id: Float64Array, ood: Float64Array, { least = 1 / 120 }: { least?: number } = {}): Point[] {
  const { fpr, tpr } = rocPoints(id, ood);
  const points: Point[] = [];
  for (let i = 0; i < fpr.length; i++) {
    const [x, y, last] = [fpr[i]!, tpr[i]!, points.at(-1)];
    if (!last || i === fpr.length - 1 || Math.abs(x - last.x) + Math.abs(y - last.y) >= least) points.push({ x, y });
  }
  return points;
}

/** Share of the OOD pictures that pass at the strictest threshold that lets at least each share of the ID pictures pass. */
export function fprAtShares(id: Float64Array, ood: Float64Array, shares: readonly number[]): number[] {
  const { fpr, tpr } = rocPoints(id, ood);
  return shares.map((share) => fpr[tpr.findIndex((value) => value >= share)] ?? 1);
}

/** Share of scores at or above each threshold. */
export function sharesAbove(scores: Float64Array, thresholds: readonly number[]): number[] {
  const sorted = Float64Array.from(scores).sort();
  return thresholds.map((threshold) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle]! < threshold) low = middle + 1;
      else high = middle;
    }
    return sorted.length === 0 ? NaN : (sorted.length - low) / sorted.length;
  });
}

/** Equally spaced values from the first to the last of a range. */
export const spaced = ([low, high]: readonly [number, number], points: number): number[] =>
  Array.from({ length: points }, (_, i) => low + ((high - low) * i) / (points - 1));

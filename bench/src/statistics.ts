/** The middle and the ends of a list of measurements. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** Median (of an even count the mean of the middle two), smallest and largest. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error("spread: expected at least one measurement, came none");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, count: sorted.length };
}

/** How many times longer the peer took than we did, round by round. */
export function ratiosOf(peer: readonly number[], ours: readonly number[]): Spread {
  if (peer.length !== ours.length)
    throw new Error(`ratios: expected as many rounds of both, came ${peer.length} and ${ours.length}`);
  return spreadOf(peer.map((time, round) => time / ours[round]!));
}

/** The straight line through two measurements, at another size. */
export function extrapolate(
  a: { size: number; time: number },
  b: { size: number; time: number },
  size: number,
): number {
  return a.time + ((b.time - a.time) * (size - a.size)) / (b.size - a.size);
}

/** The largest distance between two lists, as a share of the second one's largest value; infinite where either is not finite. */
export function relativeDistance(ours: ArrayLike<number>, peer: ArrayLike<number>): number {
  if (ours.length !== peer.length) return Infinity;
  let [most, largest] = [0, 0];
  for (let i = 0; i < ours.length; i++) {
    const difference = Math.abs(ours[i]! - peer[i]!);
    if (!Number.isFinite(difference)) return Infinity;
    most = Math.max(most, difference);
    largest = Math.max(largest, Math.abs(peer[i]!));
  }
  return most / (largest || 1);
}

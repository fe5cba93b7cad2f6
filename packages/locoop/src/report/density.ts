/** Equal-width bins over a range; `density` is the share of values per unit of the axis, so that the area is 1. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly density: number;
}

/** The finite range of some arrays of scores, widened where it is a single point; undefined if there is no finite score. */
export function rangeOf(arrays: readonly Float64Array[]): readonly [number, number] | undefined {
  let low = Infinity;
  let high = -Infinity;
  for (const values of arrays) {
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return undefined;
  const pad = low === high ? Math.abs(low) * 0.01 || 0.01 : (high - low) * 0.02;
  return [low - pad, high + pad];
}

/** A histogram with area 1 of the finite values, all of which lie in the range. */
export function histogram(values: Float64Array, [low, high]: readonly [number, number], bins = 32): Bin[] {
  const width = (high - low) / bins;
  const counts = new Float64Array(bins);
  let total = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    counts[Math.min(bins - 1, Math.max(0, Math.floor((value - low) / width)))]! += 1;
    total += 1;
  }
  return Array.from(counts, (count, i) => ({
    from: low + i * width,
    to: low + (i + 1) * width,
    density: total === 0 ? 0 : count / total / width,
  }));
}

/** Scott's rule for one dimension: standard deviation x n^(-1/5), as seaborn and SciPy choose it. */
export function scottBandwidth(values: Float64Array): number {
  const finite = values.filter(Number.isFinite);
  const n = finite.length;
  if (n < 2) return 0;
  const mean = finite.reduce((sum, value) => sum + value, 0) / n;
  return Math.sqrt(finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)) * n ** -0.2;
}

/**
 * A Gaussian kernel density estimate at equally spaced points of the range, each set with area 1.
 * The values are first counted in 512 fine bins, so that fifty thousand scores cost no more than five hundred.
 */
export function kernelDensity(
  values: Float64Array,
  range: readonly [number, number],
  { points = 120, bandwidth = scottBandwidth(values) }: { points?: number; bandwidth?: number } = {},
): { x: number; density: number }[] {
  const fine = histogram(values, range, 512);
  const step = fine[0]!.to - fine[0]!.from;
  const width = Math.max(bandwidth, step); // a narrower kernel would show the bins
  const centres = fine.filter((bin) => bin.density > 0);
  return Array.from({ length: points }, (_, i) => {
    const x = range[0] + ((range[1] - range[0]) * i) / (points - 1);
    let sum = 0;
    for (const bin of centres) {
      const distance = (x - (bin.from + bin.to) / 2) / width;
      sum += bin.density * step * Math.exp(-0.5 * distance * distance);
    }
    return { x, density: sum / (width * Math.sqrt(2 * Math.PI)) };
  });
}

// The weights of Pillow's `ImagingResample` for bicubic: `precompute_coeffs` and `normalize_coeffs_8bpc` of `Resample.c`.

/** The weights of one axis: output i is the sum of inputs `first[i]` to `first[i] + counts[i]` times `weights[i * size ...]`. */
export interface Kernels {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
  readonly size: number;
}

/** Weights are whole numbers of 2^-22. */
export const bits = 22;

const cached = new Map<string, Kernels>();
const cacheSize = 16; // axes: a data set whose pictures have a few sizes
const cacheWeights = 1 << 15;

/** The weights of outputs `begin` to `begin + count` when `inSize` pixels become `outSize`; when shrinking, wide enough to antialias. */
export function kernels(inSize: number, outSize: number, begin: number, count: number): Kernels {
  const key = `${inSize} ${outSize} ${begin} ${count}`;
  const known = cached.get(key);
  if (known) return known;
  const made = makeKernels(inSize, outSize, begin, count);
  if (made.weights.length <= cacheWeights) {
    const [oldest] = cached.keys();
    if (cached.size >= cacheSize && oldest !== undefined) cached.delete(oldest);
    cached.set(key, made);
  }
  return made;
}

function makeKernels(inSize: number, outSize: number, begin: number, count: number): Kernels {
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  const size = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * size);
  const raw = new Float64Array(size);
  for (let i = 0; i < count; i++) {
    const center = (begin + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const used = Math.min(inSize, Math.trunc(center + support + 0.5)) - low;
    let total = 0;
    for (let k = 0; k < used; k++) {
      const weight = bicubic((k + low - center + 0.5) * (1 / filterScale));
      raw[k] = weight;
      total += weight;
    }
    for (let k = 0; k < used; k++) {
      const weight = ((raw[k] as number) / total) * (1 << bits);
      weights[i * size + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[i] = low;
    counts[i] = used;
  }
  return { first, counts, weights, size };
}

/** Keys' cubic with a = -0.5. */
function bicubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * -0.5;
  return 0;
}

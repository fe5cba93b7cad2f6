/** A stream of pseudo-random numbers that its seed alone decides. */
export interface Random {
  /** A number in [0, 1), a multiple of 2^-53. */
  next(): number;
  /** A number of the standard normal distribution. */
  normal(): number;
  /** A whole number in [0, count), each equally likely. */
  integer(count: number): number;
}

/**
 * Makes a small seeded generator: sfc32 (C. Doty-Humphrey, PractRand), its state filled from the seed's text by MurmurHash3's
 * mixing, so `1` and `"1"` give the same numbers on every machine. A seed such as `"7/epoch 3/cat.jpg"` gives every picture
 * its own stream, whatever the order of loading. Not for secrets. Throws for a seed that is not a finite number or a text.
 *
 * @example
 * ```ts
 * import { createRandom } from "@locoop/clip";
 *
 * const random = createRandom("seed 1, epoch 3, cat.jpg");
 * const [share, die] = [random.next(), 1 + random.integer(6)];
 * console.log(share < 1, die <= 6); // → true true
 * ```
 */
export function createRandom(seed: number | string): Random {
  if (typeof seed === "number" && !Number.isFinite(seed))
    throw new Error(`the seed is ${seed}; expected a finite number or a text`);
  let [a, b, c, counter] = fillState(String(seed));
  let spare: number | undefined;

  function word(): number {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  }
  for (let i = 0; i < 15; i++) word();

  const next = (): number => ((word() >>> 5) * 67_108_864 + (word() >>> 6)) / 9_007_199_254_740_992;

  return {
    next,
    integer(count) {
      if (!Number.isSafeInteger(count) || count < 1)
        throw new Error(`cannot draw below ${count}; expected a positive whole number`);
      return Math.floor(next() * count);
    },
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      // Marsaglia's polar method: two normal numbers from a point inside the unit circle.
      for (;;) {
        const x = 2 * next() - 1;
        const y = 2 * next() - 1;
        const square = x * x + y * y;
        if (square >= 1 || square === 0) continue;
        const factor = Math.sqrt((-2 * Math.log(square)) / square);
        spare = y * factor;
        return x * factor;
      }
    },
  };
}

function fillState(text: string): [number, number, number, number] {
  let hash = 0x9e3779b9 ^ text.length;
  for (let i = 0; i < text.length; i++) hash = mix(hash ^ text.charCodeAt(i)) + Math.imul(i, 0x85ebca6b);
  const draw = (): number => mix((hash = (hash + 0x9e3779b9) | 0));
  return [draw(), draw(), draw(), 1];
}

/** MurmurHash3's finaliser. */
function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * Python's `random.Random`: the same seed gives the same numbers, to the bit, as CPython 3.2 and newer.
 *
 * @example
 * ```ts
 * import { pythonRandom } from "@locoop/datasets";
 * import type { PythonRandom } from "@locoop/datasets";
 *
 * const random: PythonRandom = pythonRandom(1);
 * console.log(random.randbelow(10)); // → 2
 * ```
 */
export interface PythonRandom {
  /** A whole number of `bits` random bits, 0 to 53. */
  getrandbits(bits: number): number;
  /** A number in [0, 1) with 53 random bits. */
  random(): number;
  /** A whole number in [0, n), n from 1 to 2^53 - 1: Python's `randrange(n)`. */
  randbelow(n: number): number;
  /** `count` members of a list, in the order drawn: Python's `sample`. */
  sample<T>(list: readonly T[], count: number): T[];
  /** A shuffled copy (Python shuffles in place). */
  shuffle<T>(list: readonly T[]): T[];
  /** `low + (high - low) * random()`. */
  uniform(low: number, high: number): number;
  /** A normal number; the last bit may differ from Python's where the C library rounds `cos` or `log` otherwise. */
  gauss(mean?: number, deviation?: number): number;
}

const size = 624;

/** The state after `init_genrand(seed)` of Matsumoto and Nishimura's mt19937ar.c. */
function initGenrand(seed: number): Uint32Array {
  const state = new Uint32Array(size);
  state[0] = seed;
  for (let i = 1; i < size; i++) {
    const last = state[i - 1]!;
    state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
  }
  return state;
}

/** The state after `init_by_array(key)` of mt19937ar.c. */
function initByArray(key: readonly number[]): Uint32Array {
  const state = initGenrand(19650218);
  let i = 1;
  let j = 0;
  const step = (factor: number, add: number, sign: 1 | -1): void => {
    const last = state[i - 1]!;
    state[i] = (state[i]! ^ Math.imul(last ^ (last >>> 30), factor)) + sign * add;
    if (++i >= size) {
      state[0] = state[size - 1]!;
      i = 1;
    }
  };
  for (let k = Math.max(size, key.length); k > 0; k--) {
    step(1664525, key[j]! + j, 1);
    if (++j >= key.length) j = 0;
  }
  for (let k = size - 1; k > 0; k--) step(1566083941, i, -1);
  state[0] = 0x80000000;
  return state;
}

/** 32-bit words of |seed|, lowest first, at least one: the key that CPython's `random_seed` makes of an int. */
function keyOf(seed: number | bigint): number[] {
  if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
    throw new RangeError(`expected a whole number as the seed, got ${seed}: give an integer, or a bigint beyond 2^53`);
  }
  let rest = BigInt(seed);
  if (rest < 0n) rest = -rest;
  const key: number[] = [];
  do {
    key.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest > 0n);
  return key;
}

/** The next 624 words in place of the last ones. */
function twist(state: Uint32Array): void {
  for (let k = 0; k < size; k++) {
    const y = (state[k]! & 0x80000000) | (state[(k + 1) % size]! & 0x7fffffff);
    state[k] = state[(k + 397) % size]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
  }
}

/**
 * Python's random numbers for a seed (any integer; its sign is ignored, as in Python; a bigint may have any length).
 * Throws `RangeError` for a seed or an argument that is no whole number in range.
 * Source: mt19937ar.c (Matsumoto and Nishimura, 1998) and CPython's `Lib/random.py`.
 *
 * @example
 * ```ts
 * import { pythonRandom } from "@locoop/datasets";
 *
 * // random.seed(1); random.sample(range(10), 3)
 * console.log(pythonRandom(1).sample([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3).join(" ")); // → 2 1 4
 * ```
 */
export function pythonRandom(seed: number | bigint): PythonRandom {
  const state = initByArray(keyOf(seed));
  let position = size;
  let spare: number | undefined;

  const word = (): number => {
    if (position === size) {
      twist(state);
      position = 0;
    }
    let y = state[position++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };

  const random = (): number => {
    const high = word() >>> 5;
    const low = word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };

  const getrandbits = (bits: number): number => {
    if (!Number.isInteger(bits) || bits < 0 || bits > 53) {
      throw new RangeError(`expected 0 to 53 bits, got ${bits}: draw twice for more`);
    }
    if (bits === 0) return 0;
    if (bits <= 32) return word() >>> (32 - bits);
    const low = word();
    return (word() >>> (64 - bits)) * 4294967296 + low;
  };

  const randbelow = (n: number): number => {
    if (!Number.isSafeInteger(n) || n < 1) {
      throw new RangeError(`expected a whole number from 1 to 2^53 - 1, got ${n}: randbelow(n) draws from 0 to n - 1`);
    }
    const bits = n.toString(2).length;
    let drawn = getrandbits(bits);
    while (drawn >= n) drawn = getrandbits(bits);
    return drawn;
  };

  const sample = <T>(list: readonly T[], count: number): T[] => {
    const n = list.length;
    if (!Number.isInteger(count) || count < 0 || count > n) {
      throw new RangeError(`expected to draw 0 to ${n} members of a list of ${n}, got ${count}: ask for fewer`);
    }
    // Python's switch: a pool where it is smaller than a set of `count` members would be.
    let setSize = 21;
    if (count > 5) {
      let power = 1;
      while (power < count * 3) power *= 4;
      setSize += power;
    }
    if (n <= setSize) {
      const pool = list.slice();
      return Array.from({ length: count }, (_, i) => {
        const j = randbelow(n - i);
        const drawn = pool[j]!;
        pool[j] = pool[n - i - 1]!;
        return drawn;
      });
    }
    const taken = new Set<number>();
    return Array.from({ length: count }, () => {
      let j = randbelow(n);
      while (taken.has(j)) j = randbelow(n);
      taken.add(j);
      return list[j]!;
    });
  };

  const shuffle = <T>(list: readonly T[]): T[] => {
    const copy = list.slice();
    for (let i = copy.length - 1; i > 0; i--) {
      const j = randbelow(i + 1);
      [copy[i], copy[j]] = [copy[j]!, copy[i]!];
    }
    return copy;
  };

  const gauss = (mean = 0, deviation = 1): number => {
    let z = spare;
    spare = undefined;
    if (z === undefined) {
      const angle = random() * 2 * Math.PI;
      const radius = Math.sqrt(-2 * Math.log(1 - random()));
      z = Math.cos(angle) * radius;
      spare = Math.sin(angle) * radius;
    }
    return mean + z * deviation;
  };

  return {
    getrandbits,
    random,
    randbelow,
    sample,
    shuffle,
    uniform: (low, high) => low + (high - low) * random(),
    gauss,
  };
}

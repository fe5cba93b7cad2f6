import { requirePositive } from "./checks.js";

/**
 * The largest number of a row; NaN if the row holds NaN, -Infinity if it is empty.
 *
 * @example
 * ```ts
 * import { largest } from "@locoop/ood-metrics";
 * console.log(largest([0.2, 0.31, 0.19])); // → 0.31
 * ```
 */
export function largest(row: ArrayLike<number>): number {
  let best = -Infinity;
  for (let i = 0; i < row.length; i++) {
    const value = row[i]!;
    if (value > best) best = value;
    else if (Number.isNaN(value)) return value;
  }
  return best;
}

/**
 * Softmax of a row at a temperature, in float64: exp(x / T) divided by their sum, [C] to [C].
 *
 * Safe for large inputs. Throws a RangeError unless the temperature is a finite number above 0.
 *
 * @example
 * ```ts
 * import { softmax } from "@locoop/ood-metrics";
 * console.log(softmax([0.3, 0.2, 0.2], 1000).map((p) => Math.round(100 * p))); // → 33,33,33
 * ```
 */
export function softmax(row: ArrayLike<number>, temperature = 1): Float64Array {
  const top = largest(row);
  const total = sumOfExponentials(row, top, temperature);
  const out = new Float64Array(row.length);
  for (let i = 0; i < out.length; i++) out[i] = Math.exp((row[i]! - top) / temperature) / total;
  return out;
}

/**
 * The largest softmax probability of a row, without making the other probabilities.
 *
 * Throws a RangeError unless the temperature is a finite number above 0.
 *
 * @example
 * ```ts
 * import { maxSoftmax } from "@locoop/ood-metrics";
 * console.log(maxSoftmax([0.3, 0.3, 0.3, 0.3])); // → 0.25
 * ```
 */
export function maxSoftmax(row: ArrayLike<number>, temperature = 1): number {
  return 1 / sumOfExponentials(row, largest(row), temperature);
}

/**
 * T log sum exp(x / T) of a row, safe for large inputs.
 *
 * Throws a RangeError unless the temperature is a finite number above 0.
 *
 * @example
 * ```ts
 * import { logSumExp } from "@locoop/ood-metrics";
 * console.log(logSumExp([1000, 1000]).toFixed(3)); // → 1000.693
 * ```
 */
export function logSumExp(row: ArrayLike<number>, temperature = 1): number {
  const top = largest(row);
  return top + temperature * Math.log(sumOfExponentials(row, top, temperature));
}

// Shifted by the largest value: the sum lies between 1 and C, so it neither overflows nor vanishes.
function sumOfExponentials(row: ArrayLike<number>, top: number, temperature: number): number {
  requirePositive("temperature", temperature);
  let total = 0;
  for (let i = 0; i < row.length; i++) total += Math.exp((row[i]! - top) / temperature);
  return total;
}

import { copyScores, type ScoreList } from "../checks.js";

const DIGIT = 11; // bits: a number's two words of 32 are three digits each, the third of ten
const VALUES = 1 << DIGIT;
const FEW = 3000; // below, the built-in sort is the faster one

/** A sorted copy of checked scores, ascending, -0 before 0, in float64. */
export function sortScores(scores: ScoreList, side: "ID" | "OOD"): Float64Array {
  const copy = copyScores(scores, side);
  return copy.length < FEW ? copy.sort() : sortByDigits(copy);
}

/**
 * Sorts numbers as the typed array's own sort does, in at most six linear passes over the bits of their float64 form.
 *
 * Uses `values` as working space; no NaN, and `values` must be all of its buffer.
 */
function sortByDigits(values: Float64Array): Float64Array {
  const n = values.length;
  const lowWord = new Uint32Array(Float64Array.of(1).buffer)[0] === 0 ? 0 : 1; // by byte order
  const counts = countDigits(new Uint32Array(values.buffer), lowWord);
  let from = values;
  let to: Float64Array = new Float64Array(n);
  for (let digit = 0; digit < 6; digit++) {
    const words = new Uint32Array(from.buffer);
    const word = digit < 3 ? lowWord : 1 - lowWord;
    const shift = DIGIT * (digit % 3);
    const starts = counts.subarray(digit * VALUES, (digit + 1) * VALUES);
    // All alike, as the lower digits of float32 scores are: nothing to order.
    if (starts[(words[word]! >>> shift) & (VALUES - 1)] === n) continue;
    let start = 0;
    for (let value = 0; value < VALUES; value++) {
      const count = starts[value]!;
      starts[value] = start;
      start += count;
    }
    for (let i = 0; i < n; i++) to[starts[(words[2 * i + word]! >>> shift) & (VALUES - 1)]!++] = from[i]!;
    [from, to] = [to, from];
  }
  // The sign bit puts negatives last, the least in magnitude first.
  const words = new Uint32Array(from.buffer);
  let positives = n;
  while (positives > 0 && words[2 * positives - 1 - lowWord]! >>> 31 === 1) positives--;
  to.set(from.subarray(positives).reverse());
  to.set(from.subarray(0, positives), n - positives);
  return to;
}

function countDigits(words: Uint32Array, lowWord: number): Uint32Array {
  const counts = new Uint32Array(6 * VALUES);
  const mask = VALUES - 1;
  for (let i = 0; i < words.length; i += 2) {
    const low = words[i + lowWord]!;
    const high = words[i + 1 - lowWord]!;
    counts[low & mask]!++;
    counts[VALUES + ((low >>> DIGIT) & mask)]!++;
    counts[2 * VALUES + (low >>> (2 * DIGIT))]!++;
    counts[3 * VALUES + (high & mask)]!++;
    counts[4 * VALUES + ((high >>> DIGIT) & mask)]!++;
    counts[5 * VALUES + (high >>> (2 * DIGIT))]!++;
  }
  return counts;
}

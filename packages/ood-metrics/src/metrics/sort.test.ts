import { describe, expect, it } from "vitest";
import { sortScores } from "./sort.js";

const words = (scores: Float64Array): Uint32Array => new Uint32Array(scores.slice().buffer);

/** Whole numbers of 32 bits by a linear congruence, the same in every run. */
function createBits(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}

const count = 5000; // enough for the sort by digits
const next = createBits(1);
const fraction = (): number => next() / 2 ** 32;
const make = (value: (i: number) => number): Float64Array => Float64Array.from({ length: count }, (_, i) => value(i));

// Any bits at all, but for NaN: all exponents, both signs, subnormals.
function makeAnyBits(): Float64Array {
  const bits = new Uint32Array(2 * count).map(next);
  return new Float64Array(bits.buffer).map((value) => (Number.isNaN(value) ? 0 : value));
}

const special = [-Infinity, -1, -Number.MIN_VALUE, -0, 0, Number.MIN_VALUE, 1, Number.MAX_VALUE, Infinity];

describe("sortScores orders as the typed array's own sort, bit by bit", () => {
  it.each<[string, Float64Array]>([
    ["any bits", makeAnyBits()],
    ["infinities, subnormals and signed zeros", make(() => special[next() % special.length]!)],
    ["numbers of both signs", make(() => fraction() - 0.5)],
    ["negatives only", make(() => -fraction())],
    ["few distinct values", make(() => (next() % 40) / 8 - 2)],
    ["values that differ in their last bits", make(() => 1 + (next() % 1000) * Number.EPSILON)],
    ["values near 1", make(() => 1 - Math.exp(-30 * fraction()))],
    ["one value", make(() => 0.25)],
    ["float32 values", make(() => Math.fround(fraction()))],
    ["ascending", make((i) => i)],
    ["descending", make((i) => -i)],
    ["a short list", Float64Array.of(2, -0, 0, -Infinity, 1, -0)],
    ["one score", Float64Array.of(-3)],
  ])("%s", (_, scores) => {
    const before = scores.slice();
    const sorted = sortScores(scores, "ID");
    expect(words(sorted)).toEqual(words(scores.slice().sort()));
    expect(words(scores)).toEqual(words(before));
  });

  it("reads plain arrays, float32 and views into a larger buffer", () => {
    const all = make(() => fraction() - 0.5);
    const view = all.subarray(700, 4700);
    expect(sortScores(view, "OOD")).toEqual(view.slice().sort());
    expect(sortScores([...all], "OOD")).toEqual(all.slice().sort());
    const narrow = Float32Array.from(all);
    expect(sortScores(narrow, "OOD")).toEqual(Float64Array.from(narrow).sort());
  });
});

import { describe, expect, it } from "vitest";
import type { Matches, Row } from "./matches.js";
import type { Score } from "./score.js";

/**
 * Registers the conformance suite of a score with vitest: direction, shapes, purity, batching, errors.
 *
 * `symmetric` (true by default) also asks that the order of classes and of regions does not matter.
 *
 * @example
 * ```ts
 * import { mcm } from "@locoop/ood-metrics";
 * import { describeScore } from "@locoop/ood-metrics/testing";
 * const register = () => describeScore(mcm); // in a test file, call it at the top level
 * console.log(typeof register); // → function
 * ```
 */
export function describeScore<O extends object>(
  score: Score<O>,
  { symmetric = true }: { readonly symmetric?: boolean } = {},
): void {
  describe(`score ${score.name}`, () => {
    it("has a kebab-case name, a source and defaults", () => {
      expect(score.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(score.cite).not.toBe("");
      expect(Object.isFrozen(score.defaults)).toBe(true);
    });

    it("gives one number per image in float64, the same each time, and changes no input", () => {
      const matches = makeMatches(score);
      const before = { global: matches.global.slice(), local: matches.local?.slice() };
      const values = score(matches);
      expect(values).toBeInstanceOf(Float64Array);
      expect(values).toHaveLength(IMAGES);
      expect(values.every(Number.isFinite)).toBe(true);
      expect(score(matches)).toEqual(values);
      expect(score(matches, { ...score.defaults })).toEqual(values);
      expect({ global: matches.global, local: matches.local }).toEqual(before);
    });

    it("scores an image the same alone, in a batch, and in float64", () => {
      const matches = makeMatches(score);
      const values = score(matches);
      for (let image = 0; image < IMAGES; image++) expect(score(takeImage(matches, image))[0]).toBe(values[image]);
      const wide = { ...matches, global: Float64Array.from(matches.global) };
      if (matches.local) Object.assign(wide, { local: Float64Array.from(matches.local) });
      expect(score(wide)).toEqual(values);
      expect(score({ ...matches, global: new Float32Array(0), local: new Float32Array(0) })).toHaveLength(0);
    });

    it("is higher for an image that matches one class than for one that matches none", () => {
      const global = Float32Array.from({ length: 2 * CLASSES }, (_, i) => (i === 2 ? 0.35 : 0.15));
      const local = new Float32Array(2 * REGIONS * CLASSES).fill(0.15);
      local[CLASSES + 2] = 0.35;
      const [match, none] = score({ global, local, classes: CLASSES, regions: REGIONS });
      expect(match).toBeGreaterThan(none!);
    });

    it.each(symmetric ? ["classes and regions"] : [])("does not depend on the order of %s", () => {
      const matches = makeMatches(score);
      // Reversing an image's whole block reverses its regions and its classes alike.
      const reversed = { ...matches, global: reverseBlocks(matches.global, CLASSES) };
      if (matches.local) Object.assign(reversed, { local: reverseBlocks(matches.local, REGIONS * CLASSES) });
      const values = score(matches);
      // Only the order of a sum differs: a few units in the last place.
      score(reversed).forEach((value, image) => expect(relativeGap(value, values[image]!)).toBeLessThan(1e-12));
    });

    const only = score.local ? "refuses images without local features, by name" : "needs no local features";
    it(only, () => {
      const { global, classes } = makeMatches(score);
      const call = (): Float64Array => score({ global, classes });
      if (score.local) expect(call).toThrow(new RegExp(`^${score.name}: .*local`));
      else expect(call()).toHaveLength(IMAGES);
    });

    it("refuses NaN cosines, wrong shapes and unknown options", () => {
      const matches = makeMatches(score);
      const broken = { ...matches, global: matches.global.slice().fill(NaN) };
      if (matches.local) Object.assign(broken, { local: matches.local.slice().fill(NaN) });
      expect(() => score(broken)).toThrow(score.name);
      expect(() => score({ ...matches, classes: CLASSES - 1 })).toThrow(score.name);
      expect(() => score({ ...matches, classes: 0 })).toThrow(score.name);
      expect(() => score(matches, { nonsense: 1 } as unknown as Partial<O>)).toThrow(/nonsense/);
    });
  });
}

const IMAGES = 4;
const REGIONS = 3;
const CLASSES = 7;

// Cosines as CLIP has them, about .1 to .4, from a fixed formula.
function makeMatches(score: { readonly local: boolean }): Matches {
  const cosines = (length: number, step: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => 0.25 + 0.15 * Math.sin(step * (i + 1)));
  const global = cosines(IMAGES * CLASSES, 1.7);
  if (!score.local) return { global, classes: CLASSES };
  return { global, local: cosines(IMAGES * REGIONS * CLASSES, 2.3), classes: CLASSES, regions: REGIONS };
}

function takeImage({ global, local, classes, regions = 0 }: Matches, image: number): Matches {
  const cut = (row: Row, size: number): Row => row.slice(image * size, (image + 1) * size);
  const one = { global: cut(global, classes), classes };
  return local ? { ...one, local: cut(local, regions * classes), regions } : one;
}

function reverseBlocks(row: Row, size: number): Row {
  const out = row.slice();
  for (let start = 0; start < out.length; start += size) out.subarray(start, start + size).reverse();
  return out;
}

function relativeGap(a: number, b: number): number {
  return Math.abs(a - b) / Math.max(Math.abs(b), Number.MIN_VALUE);
}

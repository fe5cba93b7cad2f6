import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Item } from "./dataset.js";
import { DatasetError } from "./errors.js";
import { sampleFewShot } from "./few-shot.js";

interface Draw {
  seed: number;
  shots: number;
  sizes: number[];
  picked: number[][];
}
const fixture: { sets: Draw[] } = JSON.parse(
  readFileSync(new URL("../fixtures/fewshot.json", import.meta.url), "utf8"),
);

const classes = (sizes: readonly number[]): { classNames: string[]; items: Item[] } => ({
  classNames: sizes.map((_, label) => `class ${label}`),
  items: sizes.flatMap((n, label) => Array.from({ length: n }, (_, i) => ({ path: `/${label}/${i}`, label }))),
});

describe("sampleFewShot", () => {
  it.each(fixture.sets)("equals Dassl's draw: seed $seed, $shots shots", ({ seed, shots, sizes, picked }) => {
    const { items, short } = sampleFewShot(classes(sizes), { shots, seed });
    expect(items.map(({ path }) => path)).toEqual(picked.flatMap((list, label) => list.map((i) => `/${label}/${i}`)));
    expect(short).toEqual(
      sizes.flatMap((n, label) => (n < shots ? [{ className: `class ${label}`, label, available: n }] : [])),
    );
  });

  it("does not depend on the order of the classes in the list", () => {
    const dataset = classes([30, 4, 25]);
    const reversed = {
      ...dataset,
      items: [2, 1, 0].flatMap((label) => dataset.items.filter((item) => item.label === label)),
    };
    expect(sampleFewShot(reversed, { shots: 4, seed: 3 }).items).toEqual(
      sampleFewShot(dataset, { shots: 4, seed: 3 }).items,
    );
  });

  it("refuses short classes if strict, naming them", () => {
    expect(() => sampleFewShot(classes([5, 2, 0]), { shots: 4, seed: 1, strict: true })).toThrow(
      new DatasetError(
        "expected at least 4 pictures of every class, found fewer of class 1 (2), class 2 (0): add pictures, or draw without strict to take what there is",
      ),
    );
  });

  it("refuses shots and labels out of range", () => {
    expect(() => sampleFewShot(classes([5]), { shots: 0, seed: 1 })).toThrow(
      "expected a whole number of shots from 1, got 0",
    );
    expect(() =>
      sampleFewShot({ classNames: ["a"], items: [{ path: "/x", label: 1 }] }, { shots: 1, seed: 1 }),
    ).toThrow("expected labels from 0 to 0, got 1 of /x");
  });

  it("cuts the items into picked and rest, each once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(),
        (sizes, shots, seed) => {
          const dataset = classes(sizes);
          const { items, rest } = sampleFewShot(dataset, { shots, seed });
          expect([...items, ...rest].map(({ path }) => path).sort()).toEqual(
            dataset.items.map(({ path }) => path).sort(),
          );
          expect(items).toHaveLength(sizes.reduce((sum, n) => sum + Math.min(n, shots), 0));
        },
      ),
      { numRuns: 50 },
    );
  });
});

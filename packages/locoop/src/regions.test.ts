import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { idIrrelevantRegions } from "./regions.js";

describe("idIrrelevantRegions", () => {
  // two regions, three classes
  const local = Float32Array.of(0.3, 0.1, 0.2, 0.1, 0.3, 0.2);

  it("marks regions whose best K classes do not hold the label", () => {
    expect([...idIrrelevantRegions({ local, classes: 3, label: 0, topK: 1 })]).toEqual([0, 1]);
    expect([...idIrrelevantRegions({ local, classes: 3, label: 0, topK: 2 })]).toEqual([0, 1]);
    expect([...idIrrelevantRegions({ local, classes: 3, label: 2, topK: 1 })]).toEqual([1, 1]);
    expect([...idIrrelevantRegions({ local, classes: 3, label: 2, topK: 2 })]).toEqual([0, 0]);
  });

  it("marks nothing when K is the number of classes", () => {
    expect([...idIrrelevantRegions({ local, classes: 3, label: 0, topK: 3 })]).toEqual([0, 0]);
  });

  it("lets ties speak for the label", () => {
    expect([...idIrrelevantRegions({ local: Float32Array.of(0.2, 0.2, 0.2), classes: 3, label: 2, topK: 1 })]).toEqual([
      0,
    ]);
  });

  it("equals the ranks found by sorting", () => {
    const row = fc.uniqueArray(fc.float({ min: -1, max: 1, noNaN: true }), {
      minLength: 5,
      maxLength: 5,
      comparator: "SameValueZero",
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        (rows, label, topK) => {
          const mask = idIrrelevantRegions({ local: Float32Array.from(rows.flat()), classes: 5, label, topK });
          const expected = rows.map((values) => {
            const best = values
              .map((_, c) => c)
              .sort((a, b) => values[b]! - values[a]!)
              .slice(0, topK);
            return best.includes(label) ? 0 : 1;
          });
          expect([...mask]).toEqual(expected);
        },
      ),
    );
  });

  it("refuses sizes and indices that do not fit", () => {
    expect(() => idIrrelevantRegions({ local, classes: 4, label: 0, topK: 1 })).toThrow(/\[P,C\]/);
    expect(() => idIrrelevantRegions({ local, classes: 3, label: 3, topK: 1 })).toThrow(/label/);
    expect(() => idIrrelevantRegions({ local, classes: 3, label: 0, topK: 0 })).toThrow(/topK/);
  });
});

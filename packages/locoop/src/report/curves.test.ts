import { auroc, fprAtTpr } from "@locoop/ood-metrics";
import { describe, expect, it } from "vitest";
import { fprAtShares, rocCurve, sharesAbove } from "./curves.js";
import { perClass } from "./per-class.js";
import { createNoise, sampleMethods } from "./sample.test.data.js";

const draw = (seed: number, n: number, mean: number): Float64Array => {
  const noise = createNoise(seed);
  // One decimal: many ties.
  return Float64Array.from({ length: n }, () => Math.round((mean + noise()) * 10) / 10);
};
const id = draw(1, 400, 1);
const ood = draw(2, 300, 0);

describe("rocCurve", () => {
  it("runs from corner to corner and has the area of the AUROC", () => {
    const points = rocCurve(id, ood, { least: 0 });
    expect(points[0]).toEqual({ x: 0, y: 0 });
    expect(points.at(-1)).toEqual({ x: 1, y: 1 });
    const area = points.slice(1).reduce((sum, { x, y }, i) => sum + ((x - points[i]!.x) * (y + points[i]!.y)) / 2, 0);
    expect(area).toBeCloseTo(auroc(id, ood), 12);
  });

  it("is thinned to what can be seen", () => {
    const many = rocCurve(
      draw(3, 50_000, 1).map((x, i) => x + i * 1e-7),
      draw(4, 10_000, 0),
    );
    expect(many.length).toBeLessThan(300);
    expect(many.at(-1)).toEqual({ x: 1, y: 1 });
  });
});

it("shares above thresholds count ties as above", () => {
  expect(sharesAbove(Float64Array.of(1, 2, 2, 3), [0, 2, 2.5, 4])).toEqual([1, 0.75, 0.25, 0]);
  expect(sharesAbove(new Float64Array(0), [1])).toEqual([NaN]);
});

it("FPR at a share is the rule that keeps at least so many", () => {
  const [at95] = fprAtShares(id, ood, [0.95]);
  expect(at95).toBeCloseTo(fprAtTpr(id, ood, { rule: "at-least" }), 12);
});

describe("perClass", () => {
  const scores = {
    mcm: { id, ood: { a: ood, b: draw(5, 50, 0.5) }, evaluation: sampleMethods()[0]!.scores["mcm"]!.evaluation },
  };
  const rows = ["a", "b"].map((set) => ({ ...scores.mcm.evaluation.rows[0]!, set }));
  const labels = Int32Array.from(id, (_, i) => i % 3);
  const predictions = labels.map((label, i) => (i < 30 ? 0 : label));
  const run = {
    method: "m",
    scores: { mcm: { ...scores.mcm, evaluation: { ...scores.mcm.evaluation, rows } } },
    pictures: { id: { paths: [], labels, predictions }, ood: {} },
  };

  it("gives the AUROC of a class's pictures against each set, and their accuracy", () => {
    const result = perClass([run], 4)!;
    expect(result.rows.map(({ label }) => label)).toEqual([0, 1, 2]); // the fourth has no picture
    for (const { label, pictures, values } of result.rows) {
      const own = id.filter((_, i) => labels[i] === label);
      expect(pictures).toBe(own.length);
      expect(values[0]!.auroc).toBeCloseTo((auroc(own, ood) + auroc(own, scores.mcm.ood.b)) / 2, 12);
      expect(values[0]!.accuracy).toBeCloseTo(label === 0 ? 1 : 1 - 10 / own.length, 12);
    }
  });

  it("is nothing where pictures were not kept", () => {
    expect(perClass(sampleMethods(), 4)).toBeUndefined();
  });
});

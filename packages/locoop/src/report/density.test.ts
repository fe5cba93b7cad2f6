import { describe, expect, it } from "vitest";
import { averagesChart, distributionChart } from "./charts.js";
import { histogram, kernelDensity, rangeOf, scottBandwidth } from "./density.js";
import { createDocument } from "./node-document.js";
import { createNoise, hostile } from "./sample.test.data.js";

const noise = createNoise(3);
const values = Float64Array.from({ length: 2000 }, noise);

describe("rangeOf", () => {
  it("covers the finite values with a little air", () => {
    expect(rangeOf([Float64Array.of(0, NaN), Float64Array.of(10, Infinity)])).toEqual([-0.2, 10.2]);
    const [low, high] = rangeOf([Float64Array.of(2, 2)])!;
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2);
    expect(rangeOf([new Float64Array(0)])).toBeUndefined();
  });
});

describe("histogram", () => {
  it("has area 1 and counts every finite value once", () => {
    const bins = histogram(Float64Array.of(0, 1, 1.5, 2, NaN), [0, 2], 2);
    expect(bins.map((bin) => bin.density)).toEqual([0.25, 0.75]);
    expect(histogram(values, [-6, 6]).reduce((sum, bin) => sum + bin.density * (bin.to - bin.from), 0)).toBeCloseTo(
      1,
      12,
    );
  });

  it("is flat at 0 without values", () => {
    expect(histogram(new Float64Array(0), [0, 1], 2).map((bin) => bin.density)).toEqual([0, 0]);
  });
});

describe("kernelDensity", () => {
  it("takes Scott's bandwidth", () => {
    // By hand: std of 1, 2, 3 is 1; 3^(-1/5).
    expect(scottBandwidth(Float64Array.of(1, 2, 3))).toBeCloseTo(3 ** -0.2, 14);
    expect(scottBandwidth(Float64Array.of(1))).toBe(0);
  });

  it("equals the direct sum over all values but for its fine bins", () => {
    const h = scottBandwidth(values);
    const direct = (x: number) =>
      values.reduce((sum, value) => sum + Math.exp(-0.5 * ((x - value) / h) ** 2), 0) /
      (values.length * h * Math.sqrt(2 * Math.PI));
    for (const { x, density } of kernelDensity(values, [-5, 5], { points: 21 })) {
      expect(Math.abs(density - direct(x))).toBeLessThan(2e-3); // half a fine bin (1e-2) at the steepest slope
    }
  });

  it("has area 1, also for values that are all equal", () => {
    for (const sample of [values, new Float64Array(50).fill(0.3)]) {
      const curve = kernelDensity(sample, [-6, 6], { points: 4001 });
      const area = curve.reduce((sum, point) => sum + point.density, 0) * (12 / 4000);
      expect(area).toBeCloseTo(1, 3);
    }
  });
});

describe("charts", () => {
  it("name themselves, round their digits and escape labels", () => {
    const { markup } = averagesChart({
      rows: [{ label: hostile, values: [0.5, 1 / 3], mean: 5 / 12 }],
      title: hostile,
      document: createDocument(),
    });
    expect(markup).not.toContain("<script");
    expect(markup).toContain("<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>");
    expect(markup).toContain('role="img"');
    expect(markup).not.toMatch(/="[^"]*\d\.\d{3,}[^"]*"/);
  });

  it("draw sets that are empty, constant or not finite without NaN", () => {
    const sets = [new Float64Array(0), new Float64Array(9).fill(0.2), Float64Array.of(NaN, Infinity, 0.1)];
    for (const ood of sets) {
      const { markup } = distributionChart({
        id: values,
        ood,
        range: [-5, 5],
        threshold: NaN,
        title: "t",
        document: createDocument(),
      });
      expect(markup).not.toMatch(/NaN|Infinity|undefined/);
    }
  });
});

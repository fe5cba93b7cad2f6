import { glmcm, mcm } from "@locoop/ood-metrics";
import { describe, expect, it } from "vitest";
import { createDetector } from "./detector.js";

const options = {
  classNames: ["cat", "dog"],
  classFeatures: { data: Float32Array.of(2, 0, 0, 1), shape: [2, 2] },
  logitScale: 100,
  score: mcm,
  threshold: 0.6,
  calibration: { origin: "left-over", pictures: 40, tpr: 0.95 },
} as const;
const features = { global: { data: Float32Array.of(0.1, 3, 1, 1), shape: [2, 2] } };

describe("createDetector", () => {
  it("gives class, confidence, score and verdict", () => {
    const detector = createDetector(options);
    const [first, second] = detector.detect(features);
    expect(first).toMatchObject({ label: 1, className: "dog", isId: true });
    expect(first!.confidence).toBeCloseTo(1, 6);
    expect(first!.score).toBeCloseTo(1 / (1 + Math.exp((0.1 - 3) / Math.hypot(0.1, 3))), 6);
    expect(second).toMatchObject({ label: 0, isId: false });
    expect(second!.confidence).toBeCloseTo(0.5, 6);
    expect(detector.calibration.origin).toBe("left-over");
  });

  it("takes a score at the threshold for in-distribution", () => {
    const [first] = createDetector(options).detect(features);
    expect(createDetector({ ...options, threshold: first!.score }).detect(features)[0]!.isId).toBe(true);
  });

  it("asks for local features where the score reads them", () => {
    expect(() => createDetector({ ...options, score: glmcm }).detect(features)).toThrow(/local/);
  });

  it("refuses features that do not fit the names, and a threshold that is no number", () => {
    expect(() => createDetector({ ...options, classNames: ["cat"] })).toThrow(/\[1,E\]/);
    expect(() => createDetector({ ...options, threshold: Number.NaN })).toThrow(/NaN/);
  });
});

import { describe, expect, test } from "vitest";
import { extrapolate, ratiosOf, relativeDistance, spreadOf } from "./statistics.js";

describe("spreads and ratios", () => {
  test("the median of an odd count is the middle one, of an even count the mean of two", () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5, count: 3 });
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, count: 4 });
    expect(() => spreadOf([])).toThrow("at least one");
  });

  test("a ratio is the peer's time over ours in the same round", () => {
    expect(ratiosOf([20, 30, 10], [10, 10, 10])).toEqual({ median: 2, min: 1, max: 3, count: 3 });
    expect(() => ratiosOf([1], [1, 2])).toThrow("as many rounds");
  });

  test("a line through two measurements", () => {
    expect(extrapolate({ size: 50, time: 7 }, { size: 150, time: 17 }, 1000)).toBe(102);
  });

  test("a distance is relative to the peer's largest value, and infinite for what cannot be compared", () => {
    expect(relativeDistance([1, 2.1, -4], [1, 2, -4])).toBeCloseTo(0.025);
    expect(relativeDistance([0.5], [0])).toBe(0.5);
    expect(relativeDistance([NaN], [1])).toBe(Infinity);
    expect(relativeDistance([1], [1, 2])).toBe(Infinity);
  });
});

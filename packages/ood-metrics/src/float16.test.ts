import { describe, expect, it } from "vitest";
import { roundToFloat16 } from "./float16.js";

// Every finite half of one sign, in order, from what the format says: 5 bits of exponent, 10 of fraction.
const halves = Array.from({ length: 0x7c00 }, (_, bits) => {
  const [exponent, fraction] = [bits >> 10, bits & 1023];
  return exponent === 0 ? fraction / 2 ** 24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
});

describe("rounding to float16", () => {
  it("leaves every half as it is, with either sign", () => {
    const wrong = halves.filter(
      (half) => !Object.is(roundToFloat16(half), half) || !Object.is(roundToFloat16(-half), -half),
    );
    expect(wrong).toEqual([]);
  });

  it("takes what lies between two halves to the nearer one, and the midpoint to the even one", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits + 1 < halves.length; bits++) {
      const [low, high] = [halves[bits]!, halves[bits + 1]!];
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? low : high;
      const expected: [number, number][] = [
        [middle, even],
        [nextDown(middle), low],
        [nextUp(middle), high],
        [nextUp(low), low],
        [nextDown(high), high],
        [low + (high - low) / 3, low],
      ];
      for (const [value, half] of expected)
        if (!Object.is(roundToFloat16(value), half) || !Object.is(roundToFloat16(-value), -half)) wrong.push(value);
    }
    expect(wrong).toEqual([]);
  });

  it("goes to infinity from the middle between the largest half and the next power of two", () => {
    expect(roundToFloat16(nextDown(65520))).toBe(65504);
    for (const value of [65520, 65536, 1e300, Infinity]) {
      expect(roundToFloat16(value)).toBe(Infinity);
      expect(roundToFloat16(-value)).toBe(-Infinity);
    }
    expect(roundToFloat16(NaN)).toBeNaN();
  });
});

function nextUp(value: number): number {
  const view = new BigInt64Array(new Float64Array([value]).buffer);
  view[0]! += 1n;
  return new Float64Array(view.buffer)[0]!;
}

function nextDown(value: number): number {
  const view = new BigInt64Array(new Float64Array([value]).buffer);
  view[0]! -= 1n;
  return new Float64Array(view.buffer)[0]!;
}

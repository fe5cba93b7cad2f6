import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFloat16, encodeFloat16 } from "./float16.js";

const every = Uint16Array.from({ length: 65_536 }, (_, i) => i);
const one = (value: number): number => encodeFloat16(Float32Array.of(value))[0]!;

/** The two halves around a number and the nearer one, by search in the list of all finite ones: slow, plain, exact. */
const sizes = decodeFloat16(every.subarray(0, 0x7c00));
function nearest(size: number): number {
  let low = 0;
  let high = sizes.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sizes[middle]! <= size) low = middle;
    else high = middle;
  }
  const [below, above] = [size - sizes[low]!, sizes[high]! - size];
  return below < above || (below === above && low % 2 === 0) ? low : high;
}

describe("half precision", () => {
  it("gives back the bits of every half but the payloads of NaN", () => {
    const isNaN16 = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
    const back = encodeFloat16(decodeFloat16(every));
    const wrong = [...every].filter((bits) => (isNaN16(bits) ? !isNaN16(back[bits]!) : back[bits] !== bits));
    expect(wrong).toEqual([]);
  });

  it("knows the landmarks of the format", () => {
    const landmarks: [number, number][] = [
      [0, 0],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [65519.996, 0x7bff],
      [65520, 0x7c00],
      [-65520, 0xfc00],
      [1e10, 0x7c00],
      [Infinity, 0x7c00],
      [-Infinity, 0xfc00],
      [NaN, 0x7e00],
      [2 ** -14, 0x0400],
      [2 ** -24, 0x0001],
      [2 ** -25, 0x0000], // a tie, to even
      [2 ** -25 * 1.001, 0x0001],
      [-(2 ** -26), 0x8000],
      [1.5 * 2 ** -24, 0x0002], // a tie, to even
      [2 ** -14 - 2 ** -26, 0x0400], // from below the normals into them
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [1.9999, 0x4000],
    ];
    expect(landmarks.map(([value]) => [value, one(value)])).toEqual(landmarks);
  });

  it("rounds to the nearest half, ties to even", () => {
    const float = fc.oneof(
      fc.float({ noNaN: true, min: -65504, max: 65504 }),
      fc.float({ noNaN: true, min: Math.fround(-(2 ** -13)), max: Math.fround(2 ** -13) }),
      // Midpoints between neighbours, and float32's next to them.
      fc.integer({ min: 0, max: 0x7bfe }).map((i) => (sizes[i]! + sizes[i + 1]!) / 2),
    );
    fc.assert(
      fc.property(float, (value) => {
        expect(one(value) & 0x7fff).toBe(nearest(Math.abs(value)));
        expect(one(value) >> 15).toBe(value < 0 || Object.is(value, -0) ? 1 : 0);
      }),
      { numRuns: 5000 },
    );
  });

  it("reads a part of a larger array", () => {
    const values = new Float32Array(new SharedArrayBuffer(16));
    values.set([9, 1, 2, 9]);
    expect([...decodeFloat16(encodeFloat16(values.subarray(1, 3)))]).toEqual([1, 2]);
  });
});

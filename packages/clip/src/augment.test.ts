import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyAugmentation, sampleAugmentation } from "./augment.js";
import { createRandom } from "./random.js";

const sides = fc.integer({ min: 1, max: 3000 });

describe("sampleAugmentation", () => {
  it("draws rectangles inside the picture, by the seed alone", () => {
    fc.assert(
      fc.property(fc.string(), sides, sides, (seed, width, height) => {
        const drawn = sampleAugmentation(createRandom(seed), { width, height });
        expect(sampleAugmentation(createRandom(seed), { width, height })).toEqual(drawn);
        for (const value of [drawn.top, drawn.left, drawn.width - 1, drawn.height - 1]) {
          expect(Number.isInteger(value) && value >= 0).toBe(true);
        }
        expect(drawn.left + drawn.width).toBeLessThanOrEqual(width);
        expect(drawn.top + drawn.height).toBeLessThanOrEqual(height);
      }),
    );
  });

  it("keeps to the asked areas and ratios on a picture that has room", () => {
    const random = createRandom("areas");
    let flips = 0;
    let area = 0;
    for (let i = 0; i < 4000; i++) {
      const { width, height, flip } = sampleAugmentation(random, { width: 1000, height: 1000 }, { scale: [0.2, 0.4] });
      const share = (width * height) / 1e6;
      expect(share > 0.198 && share < 0.402).toBe(true);
      expect(width / height > 0.74 && width / height < 1.35).toBe(true);
      flips += Number(flip);
      area += share / 4000;
    }
    expect(Math.abs(area - 0.3)).toBeLessThan((5 * 0.2) / Math.sqrt(12 * 4000));
    expect(Math.abs(flips - 2000)).toBeLessThan(5 * Math.sqrt(1000));
  });

  it("falls back to the middle where no rectangle fits", () => {
    const whole = { scale: [1, 1], flip: 0 } as const;
    expect(sampleAugmentation(createRandom(1), { width: 900, height: 90 }, whole)).toEqual({
      top: 0,
      left: 390,
      width: 120,
      height: 90,
      flip: false,
    });
    expect(sampleAugmentation(createRandom(1), { width: 90, height: 901 }, whole)).toEqual({
      top: 390,
      left: 0,
      width: 90,
      height: 120,
      flip: false,
    });
  });

  it("refuses ranges that are none", () => {
    const size = { width: 8, height: 8 };
    expect(() => sampleAugmentation(createRandom(1), size, { scale: [1, 0.5] })).toThrow(/scale is \[1, 0.5\]/);
    expect(() => sampleAugmentation(createRandom(1), size, { ratio: [0, 1] })).toThrow(/ratio is \[0, 1\]/);
  });
});

describe("applyAugmentation", () => {
  it("mirrors left and right", () => {
    const image = { data: Uint8Array.from({ length: 27 }, (_, i) => i), width: 3, height: 3 };
    const whole = { top: 0, left: 0, width: 3, height: 3 };
    expect(applyAugmentation(image, { ...whole, flip: false }, 3)).toEqual(image.data);
    expect([...applyAugmentation(image, { ...whole, flip: true }, 3).subarray(0, 9)]).toEqual([
      6, 7, 8, 3, 4, 5, 0, 1, 2,
    ]);
  });

  it("refuses a rectangle that leaves the picture", () => {
    const image = { data: new Uint8Array(27), width: 3, height: 3 };
    expect(() => applyAugmentation(image, { top: 1, left: 0, width: 3, height: 3, flip: false }, 3)).toThrow(
      "cannot cut 3 x 3 pixels at (0, 1) out of 3 x 3",
    );
  });
});

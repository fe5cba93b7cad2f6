import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { roundHalfEven } from "./image.js";
import { centerCrop, cropFor, preprocess, resizeBicubic, resizeShortSide } from "./resize.js";
import { fillTemplate } from "./templates.js";

// Equality with Pillow on picture files is tested beside the decoder, in node/read-image.test.ts.
const images = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data) => ({ data, width, height })),
  );
const size = fc.integer({ min: 1, max: 50 });

describe("resize", () => {
  it("of the part that is kept equals the part of the whole resized", () => {
    fc.assert(
      fc.property(images, size, (image, side) => {
        expect(preprocess(image, side)).toEqual(centerCrop(resizeShortSide(image, side), side).data);
      }),
    );
  });

  it("keeps a picture of one colour, and a picture of the same size", () => {
    fc.assert(
      fc.property(images, size, size, ({ data, width, height }, newWidth, newHeight) => {
        expect(resizeBicubic({ data, width, height }, { width, height }).data).toEqual(data);
        const plain = { data: new Uint8Array(width * height * 3).fill(data[0]!), width, height };
        const resized = resizeBicubic(plain, { width: newWidth, height: newHeight });
        expect(resized.data).toEqual(new Uint8Array(newWidth * newHeight * 3).fill(data[0]!));
      }),
    );
  });

  it("gives bytes of its own even where nothing changes, of a Buffer, too", () => {
    for (const data of [new Uint8Array(27), Buffer.alloc(27)]) {
      const image = { data, width: 3, height: 3 };
      const results = [
        preprocess(image, 3),
        resizeBicubic(image, { width: 3, height: 3 }).data,
        centerCrop(image, 3).data,
      ];
      data.fill(1);
      for (const result of results) expect(result).toEqual(new Uint8Array(27));
    }
  });

  it("gives the mirror image of the mirrored picture along one axis", () => {
    const mirrored = (row: Uint8Array) =>
      Uint8Array.from({ length: row.length }, (_, i) => row[row.length - 3 - i + 2 * (i % 3)]!);
    fc.assert(
      fc.property(images, size, ({ data, width }, newWidth) => {
        const row = data.subarray(0, width * 3);
        const there = resizeBicubic({ data: row, width, height: 1 }, { width: newWidth, height: 1 }).data;
        const back = resizeBicubic({ data: mirrored(row), width, height: 1 }, { width: newWidth, height: 1 }).data;
        const distances = mirrored(back).map((value, i) => Math.abs(value - there[i]!));
        expect(Math.max(...distances)).toBeLessThanOrEqual(1); // halves round up on both sides
      }),
    );
  });

  it("describes the crop", () => {
    expect(cropFor(320, 213, 224)).toEqual({
      scale: 224 / 213,
      left: 56,
      top: 0,
      resizedWidth: 336,
      resizedHeight: 224,
    });
    expect(cropFor(224, 229, 224)).toMatchObject({ top: 2 }); // 2.5 to even
    expect(cropFor(224, 227, 224)).toMatchObject({ top: 2 }); // 1.5 to even
  });

  it("rounds as Python does", () => {
    expect([0.5, 1.5, 2.5, 3.49, -0.5, -1.5, 7].map(roundHalfEven).map((x) => x + 0)).toEqual([0, 2, 2, 3, 0, -2, 7]);
  });

  it("refuses what is no picture and no size", () => {
    const image = { data: new Uint8Array(12), width: 2, height: 2 };
    expect(() => preprocess({ ...image, width: 3 }, 2)).toThrow(/12 bytes for 3 x 2 pixels, expected 18/);
    expect(() => resizeBicubic(image, { width: 0, height: 2 })).toThrow(/0 x 2/);
    expect(() => centerCrop(image, 3)).toThrow(/cannot cut 3 x 3 pixels out of 2 x 2/);
  });
});

describe("fillTemplate", () => {
  it("puts names in place, blanks for underscores, dollars untouched", () => {
    expect(fillTemplate("a {} and {}.", ["tree_frog", "$& bill"])).toEqual([
      "a tree frog and tree frog.",
      "a $& bill and $& bill.",
    ]);
    expect(() => fillTemplate("a photo", ["cat"])).toThrow(/no \{\}/);
  });
});

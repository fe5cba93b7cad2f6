import { cropFor, preprocess } from "@locoop/clip";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { drawRegions } from "./overlay.js";
import { encodePng, fitPicture } from "./png.js";
import type { RegionPicture } from "./types.js";

const grey = (width: number, height: number, value = 100) => ({
  data: new Uint8Array(width * height * 3).fill(value),
  width,
  height,
});
const picture = (
  width: number,
  height: number,
  grid: number,
  on: (x: number, y: number) => boolean,
): RegionPicture => ({
  title: "t",
  label: "l",
  image: grey(width, height),
  grid,
  mask: Uint8Array.from({ length: grid * grid }, (_, i) => (on(i % grid, Math.floor(i / grid)) ? 1 : 0)),
  crop: cropFor(width, height, 224),
});
const red = { color: [255, 0, 0], opacity: 1 } as const;
/** One letter a pixel: "#" painted, "." kept, "-" outside the crop. */
const letters = ({ data, width, height }: { data: Uint8Array; width: number; height: number }): string[] =>
  Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const [r, g] = data.subarray((y * width + x) * 3);
      return r === 255 && g === 0 ? "#" : r === 100 && g === 100 ? "." : "-";
    }).join(""),
  );

describe("drawRegions", () => {
  it("paints a square picture's regions, the last column and row included", () => {
    const drawn = drawRegions(
      picture(4, 4, 2, (x, y) => x === 1 || y === 1),
      red,
    );
    expect(letters(drawn)).toEqual(["..##", "..##", "####", "####"]);
  });

  it.each([7, 14])("paints the last of %i columns of a 224-pixel picture to its edge", (grid) => {
    const drawn = drawRegions(
      picture(224, 224, grid, (x) => x === grid - 1),
      red,
    );
    const first = letters(drawn)[100]!;
    expect(first).toBe(".".repeat(224 - 224 / grid) + "#".repeat(224 / grid));
  });

  it("aligns with the centre crop of a wide and of a tall picture, and dims the rest", () => {
    const wide = drawRegions(
      picture(8, 4, 2, (x, y) => x === 0 && y === 0),
      red,
    );
    expect(letters(wide)).toEqual(["--##..--", "--##..--", "--....--", "--....--"]);
    const tall = drawRegions(
      picture(2, 4, 2, (x) => x === 1),
      red,
    );
    expect(letters(tall)).toEqual(["--", ".#", ".#", "--"]);
    expect(wide.data[0]).toBeLessThan(100); // darker, away from the crop's edge
  });

  it.each([
    [500, 333],
    [211, 640],
  ])("lies on the pixels that the model saw of a picture of %i x %i", (width, height) => {
    const grid = 14;
    const drawn = drawRegions(
      picture(width, height, grid, (x, y) => x === 13 && y === 2),
      red,
    );
    const seen = preprocess(drawn, 224); // [224, 224, 3]
    // Without the three pixels at each side of the cell, which resizing blends with its neighbours.
    const redness = (column: number, row: number): boolean[] =>
      Array.from({ length: 10 * 10 }, (_, i) => {
        const at = ((row * 16 + 3 + Math.floor(i / 10)) * 224 + column * 16 + 3 + (i % 10)) * 3;
        return seen[at]! > 240 && seen[at + 1]! < 15;
      });
    expect(redness(13, 2).every(Boolean)).toBe(true);
    for (const [column, row] of [
      [12, 2],
      [13, 1],
      [13, 3],
      [0, 2],
      [0, 3],
    ] as const) {
      expect(redness(column, row).some(Boolean)).toBe(false);
    }
  });

  it("paints the others out where only the extracted regions shall stay", () => {
    const drawn = drawRegions(
      picture(4, 4, 2, (x, y) => x === 0 && y === 0),
      { ...red, paint: "relevant" },
    );
    expect(letters(drawn)).toEqual(["..##", "..##", "####", "####"]);
  });

  it("blends by the opacity inside, draws the outline full, and leaves its input alone", () => {
    const input = picture(40, 40, 1, () => true);
    const before = input.image.data.slice();
    const { data } = drawRegions(input, { color: [200, 0, 0], opacity: 0.5 });
    expect([...data.subarray(0, 3)]).toEqual([200, 0, 0]);
    expect([...data.subarray((20 * 40 + 20) * 3, (20 * 40 + 20) * 3 + 3)]).toEqual([150, 50, 50]);
    expect(input.image.data).toEqual(before);
  });

  it.each([
    [1, 1],
    [3, 500],
    [997, 13],
  ])("takes a picture of %i x %i", (width, height) => {
    const drawn = drawRegions(picture(width, height, 14, () => true));
    expect([drawn.width, drawn.height, drawn.data.length]).toEqual([width, height, width * height * 3]);
  });

  it("says what does not fit", () => {
    const good = picture(4, 4, 2, () => true);
    expect(() => drawRegions({ ...good, grid: 3 })).toThrow("3 x 3 regions needs 9 mask values, but there are 4");
    expect(() => drawRegions({ ...good, image: { ...good.image, width: 5 } })).toThrow(
      "needs 60 bytes of RGB, but has 48",
    );
  });
});

describe("encodePng and fitPicture", () => {
  it("keeps every pixel", async () => {
    const image = { data: Uint8Array.from({ length: 27 }, (_, i) => i * 9), width: 3, height: 3 };
    const back = await sharp(await encodePng(image))
      .raw()
      .toBuffer();
    expect(new Uint8Array(back)).toEqual(image.data);
  });

  it("enlarges by a whole factor, shrinks to fit, and leaves a fitting picture alone", async () => {
    const size = async (width: number, height: number) => {
      const fitted = await fitPicture(grey(width, height), { longest: 100 });
      expect(fitted.data).toHaveLength(fitted.width * fitted.height * 3);
      return [fitted.width, fitted.height];
    };
    expect(await size(30, 20)).toEqual([90, 60]);
    expect(await size(400, 200)).toEqual([100, 50]);
    expect(await size(1000, 1)).toEqual([100, 1]);
    expect(await size(80, 100)).toEqual([80, 100]);
  });
});

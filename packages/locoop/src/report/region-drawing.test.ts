import { cropFor, preprocess } from "@locoop/clip";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { drawRegions } from "./overlay.js";
import { drawRegionPicture, rangeOfValues, type RegionScene, type Shape, shortNumber } from "./region-drawing.js";
import { drawnSize, regionEdges, shownPart } from "./region-geometry.js";
import { renderRegionPng } from "./region-png.js";
import { toSvg } from "./region-svg.js";

const side = 224;
const scene = (width: number, height: number, grid: number, on: (x: number, y: number) => boolean): RegionScene => ({
  width,
  height,
  grid,
  crop: cropFor(width, height, side),
  mask: Uint8Array.from({ length: grid * grid }, (_, i) => (on(i % grid, Math.floor(i / grid)) ? 1 : 0)),
});
const black = (width: number, height: number) => ({ data: new Uint8Array(width * height * 3), width, height });
const cells = (shapes: readonly Shape[], fill = "#ff6000") =>
  shapes.filter((shape) => shape.kind === "rect").filter((shape) => shape.fill === fill);

/** A black picture with a white block exactly over one region, whole pixels: what the model sees there is white, and elsewhere black. */
function withBlock(width: number, height: number, grid: number, column: number, row: number) {
  const { columns, rows } = regionEdges({ width, height, crop: cropFor(width, height, side), grid });
  const image = black(width, height);
  const [left, right] = [Math.round(columns[column]!), Math.round(columns[column + 1]!)];
  const [top, bottom] = [Math.round(rows[row]!), Math.round(rows[row + 1]!)];
  for (let y = top; y < bottom; y++) image.data.fill(255, (y * width + left) * 3, (y * width + right) * 3);
  return image;
}

/** Mean brightness of every region of what the model sees. */
function seenBy(image: { data: Uint8Array; width: number; height: number }, grid: number): number[] {
  const seen = preprocess(image, side); // [224, 224, 3]
  const step = side / grid;
  return Array.from({ length: grid * grid }, (_, i) => {
    let sum = 0;
    for (let y = 0; y < step; y++)
      for (let x = 0; x < step; x++)
        sum += seen[((Math.floor(i / grid) * step + y) * side + (i % grid) * step + x) * 3]!;
    return sum / (step * step);
  });
}

const sizes = [
  [640, 427],
  [427, 640],
  [225, 224],
  [224, 225],
  [227, 224],
  [224, 229],
  [1600, 200],
  [150, 1900],
  [1024, 1024],
] as const;

describe("regionEdges", () => {
  it.each(sizes)(
    "puts a block over one region of %i x %i into just the region that the model sees",
    (width, height) => {
      for (const grid of [14, 7])
        for (const [column, row] of [
          [0, 0],
          [grid - 1, grid - 1],
          [grid - 1, 2],
          [3, grid - 1],
        ] as const) {
          const seen = seenBy(withBlock(width, height, grid, column, row), grid);
          const expected = row * grid + column;
          expect(seen[expected]).toBeGreaterThan(215);
          for (const [i, mean] of seen.entries()) if (i !== expected) expect(mean).toBeLessThan(32);
        }
    },
  );

  it("ends where the crop ends, at any size", () => {
    for (const [width, height] of [...sizes, [1, 1], [2, 1], [1, 300], [5000, 3]] as const) {
      const { seen, columns, rows } = regionEdges({ width, height, crop: cropFor(width, height, side), grid: 7 });
      expect([columns.length, rows.length]).toEqual([8, 8]);
      expect(seen.left).toBeGreaterThanOrEqual(0);
      expect(seen.top).toBeGreaterThanOrEqual(0);
      expect(columns[7]).toBeLessThanOrEqual(width + 1e-9);
      expect(rows[7]).toBeLessThanOrEqual(height + 1e-9);
      expect(Math.min(seen.width, seen.height)).toBeCloseTo(Math.min(width, height), 0);
    }
  });

  it("says what does not fit", () => {
    const crop = cropFor(4, 4, side);
    expect(() => regionEdges({ width: 0, height: 4, crop, grid: 2 })).toThrow(/cannot be 0 x 4 pixels/);
    expect(() => regionEdges({ width: 4, height: 4, crop, grid: 0.5 })).toThrow(/regions per side, got 0.5/);
    expect(() => regionEdges({ width: 4, height: 4, crop: { ...crop, resizedWidth: 0 }, grid: 2 })).toThrow(/0 x 224/);
  });
});

describe("shownPart and drawnSize", () => {
  it("show all of a picture, and of a very long one the middle", () => {
    expect(shownPart({ width: 640, height: 427 })).toEqual({ left: 0, top: 0, width: 640, height: 427 });
    expect(shownPart({ width: 400, height: 100 })).toEqual({ left: 0, top: 0, width: 400, height: 100 });
    expect(shownPart({ width: 3, height: 900 })).toEqual({ left: 0, top: 447, width: 3, height: 6 });
  });

  it("hold the crop whole", () => {
    for (const [width, height] of [...sizes, [7001, 5], [4, 977], [1, 2000]] as const) {
      const part = shownPart({ width, height });
      const { seen } = regionEdges({ width, height, crop: cropFor(width, height, side), grid: 7 });
      expect(seen.left).toBeGreaterThanOrEqual(part.left);
      expect(seen.left + seen.width).toBeLessThanOrEqual(part.left + part.width);
      expect(seen.top).toBeGreaterThanOrEqual(part.top);
      expect(seen.top + seen.height).toBeLessThanOrEqual(part.top + part.height);
    }
  });

  it("enlarge by whole factors and shrink to fit, without squashing", () => {
    expect(drawnSize({ left: 0, top: 0, width: 64, height: 48 }, 640)).toEqual({ width: 640, height: 480 });
    expect(drawnSize({ left: 0, top: 0, width: 100, height: 30 }, 640)).toEqual({ width: 600, height: 180 });
    expect(drawnSize({ left: 0, top: 0, width: 4000, height: 3000 }, 640)).toEqual({ width: 640, height: 480 });
    expect(drawnSize({ left: 0, top: 0, width: 1, height: 1 }, 640)).toEqual({ width: 640, height: 640 });
  });
});

describe("drawRegionPicture", () => {
  it("paints just the ID-irrelevant regions, the last row and column included", () => {
    const { shapes, width, height } = drawRegionPicture(
      scene(224, 224, 14, (x, y) => x === 13 || y === 13),
      { size: 224 },
    );
    expect([width, height]).toEqual([224, 224]);
    const painted = cells(shapes);
    expect(painted).toHaveLength(27);
    expect(painted.map(({ x, y }) => [x / 16, y / 16])).toEqual([
      ...Array.from({ length: 13 }, (_, y) => [13, y]),
      ...Array.from({ length: 14 }, (_, x) => [x, 13]),
    ]);
    for (const cell of painted) expect([cell.width, cell.height]).toEqual([16, 16]);
  });

  it.each([
    [640, 427],
    [300, 500],
    [225, 224],
    [224, 227],
    [40, 33],
    [13, 29],
  ])(
    "paints the same pixels of a PNG of %i x %i as tracing every pixel through the crop does",
    async (width, height) => {
      const grid = 7;
      const described = scene(width, height, grid, (x, y) => (x * 3 + y * 5) % 4 === 0 || x === 6);
      const drawing = drawRegionPicture(described, { size: Math.max(width, height), color: [255, 0, 0], opacity: 1 });
      const cellsOnly = {
        ...drawing,
        shapes: drawing.shapes.filter(({ kind }) => kind === "picture" || kind === "rect"),
      };
      const png = await sharp(await renderRegionPng(cellsOnly, black(width, height)))
        .raw()
        .toBuffer();
      const traced = drawRegions(
        { ...described, title: "", label: "", mask: Uint8Array.from(described.mask), image: black(width, height) },
        { color: [255, 0, 0], opacity: 1 },
      );
      const red = (data: Uint8Array): string[] =>
        Array.from({ length: height }, (_, y) =>
          Array.from({ length: width }, (_, x) =>
            data[(y * width + x) * 3] === 255 && data[(y * width + x) * 3 + 1] === 0 ? "#" : ".",
          ).join(""),
        );
      expect(red(png)).toEqual(red(traced.data));
    },
  );

  it("keeps a picture's shape: a landscape is drawn as a landscape, with what was not seen darkened", async () => {
    const drawing = drawRegionPicture(
      scene(600, 300, 7, () => false),
      { size: 600 },
    );
    expect([drawing.width, drawing.height]).toEqual([600, 300]);
    const dark = cells(drawing.shapes, "#181818");
    expect(dark.map(({ x, width }) => [x, width])).toEqual([
      [0, 150],
      [450, 150],
    ]);
  });

  it("colours every region by its value, and outlines the ID-irrelevant ones", () => {
    const values = [0.1, 0.2, 0.3, Number.NaN];
    const { shapes } = drawRegionPicture({ ...scene(4, 4, 2, (x) => x === 1), values }, { numbers: true });
    const filled = shapes.filter((shape) => shape.kind === "rect");
    expect(filled.map(({ fill }) => fill)).toEqual(["#00224e", "#7d7c76", "#fee838"]);
    expect(shapes.filter((shape) => shape.kind === "text").map(({ text }) => text)).toEqual([".10", ".20", ".30", "?"]);
    expect(shapes[0]).toMatchObject({ kind: "picture", gray: true });
    const outline = shapes.filter((shape) => shape.kind === "lines").at(-1)!;
    expect(outline.lines).toHaveLength(6); // two cells, without the edge between them
  });

  it("paints the others where only what was extracted shall stay, as the paper does", () => {
    const { shapes } = drawRegionPicture(
      scene(4, 4, 2, (x, y) => x + y === 0),
      { paint: "relevant" },
    );
    const painted = cells(shapes, "#c8c8c8");
    expect(painted).toHaveLength(3);
    expect(painted.every(({ opacity }) => opacity === 1)).toBe(true);
  });

  it("says what does not fit", () => {
    const good = scene(4, 4, 2, () => true);
    expect(() => drawRegionPicture({ ...good, grid: 3 })).toThrow(/3 x 3 regions needs 9 mask values, got 4/);
    expect(() => drawRegionPicture({ ...good, values: [1] })).toThrow(/needs 4 values, got 1/);
  });
});

describe("toSvg", () => {
  it("escapes what comes from outside, and stays XML", async () => {
    const titles = ['<script>"&', "\ufffe\u0000", "\u001b[31m", "a"];
    const drawing = drawRegionPicture({ ...scene(4, 4, 2, () => true), titles });
    const svg = toSvg(drawing, { href: 'x"><script>', title: "a<b" });
    expect(svg).not.toContain("<script");
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    expect(svg).not.toMatch(/[\u0000-\u001f\ufffe]/);
    expect((await sharp(Buffer.from(svg)).metadata()).width).toBe(640);
  });
});

describe("numbers", () => {
  it("are short, and ranges have some width", () => {
    expect([0.234, -0.05, 1.5, 30.2, Number.NaN].map(shortNumber)).toEqual([".23", "-.05", "1.50", "30", "?"]);
    expect(rangeOfValues([0.1, Number.NaN], [0.4])).toEqual([0.1, 0.4]);
    expect(rangeOfValues([])).toEqual([0, 1]);
    const [low, high] = rangeOfValues([0.2, 0.2]);
    expect(low).toBeLessThan(0.2);
    expect(high).toBeGreaterThan(0.2);
  });
});

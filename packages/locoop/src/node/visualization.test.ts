import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clip, cropFor, regionGrid } from "@locoop/clip";
import { mcm } from "@locoop/ood-metrics";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { regionEdges } from "../report/region-geometry.js";
import { writeRegions } from "./region-files.js";
import { sheetEntry, writeSheets } from "./sheet-files.js";
import { judgeRegions, type JudgeRegionsOptions } from "./visualization.js";

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "visualize-"))));
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A model whose features are how bright and how dark a region is: what it says of a region shows which pixels it saw. */
function brightness(imageSize: number, vision: { kind: "vit"; patchSize: number } | { kind: "modified-resnet" }): Clip {
  const config = { imageSize, vision } as Clip["config"];
  const grid = regionGrid(config);
  const step = imageSize / grid;
  const encode = async ({ data }: { data: Uint8Array }) => {
    const local = new Float32Array(grid * grid * 2); // [P, 2]
    for (let y = 0; y < imageSize; y++)
      for (let x = 0; x < imageSize; x++) {
        const region = Math.floor(y / step) * grid + Math.floor(x / step);
        const bright = data[(y * imageSize + x) * 3]! / 255;
        local[region * 2]! += bright;
        local[region * 2 + 1]! += 1 - bright;
      }
    const sum = (k: number): number => local.reduce((total, value, i) => (i % 2 === k ? total + value : total), 0);
    return {
      global: { data: Float32Array.of(sum(0), sum(1)), shape: [1, 2] },
      local: { data: local, shape: [1, grid * grid, 2] },
    };
  };
  return { config, logitScale: 100, image: { encode } } as unknown as Clip;
}

const vit = brightness(64, { kind: "vit", patchSize: 8 });
const resnet = brightness(96, { kind: "modified-resnet" });
const judging: Omit<JudgeRegionsOptions, "clip"> = {
  classes: ["bright", "dark"].map((name) => ({ name, folder: name })),
  classFeatures: { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] },
  topK: 1,
  label: "dark",
};

type Save = (picture: Sharp, path: string) => Promise<unknown>;
const png: Save = (picture, path) => picture.png().toFile(path);

/** A dark picture with a bright block just over one of the model's regions, as that lies on the whole picture. */
async function drawBlock(
  name: string,
  {
    width,
    height,
    column,
    row,
    clip,
    save = png,
  }: { width: number; height: number; column: number; row: number; clip: Clip; save?: Save },
): Promise<string> {
  const grid = regionGrid(clip.config);
  const { columns, rows } = regionEdges({ width, height, crop: cropFor(width, height, clip.config.imageSize), grid });
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (
        x + 0.5 > columns[column]! &&
        x + 0.5 < columns[column + 1]! &&
        y + 0.5 > rows[row]! &&
        y + 0.5 < rows[row + 1]!
      )
        data.fill(255, (y * width + x) * 3, (y * width + x) * 3 + 3);
  const path = join(dir, name);
  await save(sharp(data, { raw: { width, height, channels: 3 } }), path);
  return path;
}

describe("judgeRegions", () => {
  const sizes = [
    [480, 320],
    [320, 480],
    [225, 224],
    [224, 225],
    [129, 128],
    [1200, 100],
    [90, 1000],
    [256, 256],
  ] as const;
  it.each(sizes)(
    "finds a block at just its region, through crop and resize of %i x %i, on either tower",
    async (width, height) => {
      for (const clip of [vit, resnet]) {
        const grid = regionGrid(clip.config);
        for (const [column, row] of [
          [0, 0],
          [grid - 1, grid - 1],
          [grid - 1, 1],
          [1, grid - 1],
        ] as const) {
          const path = await drawBlock("block.png", { width, height, column, row, clip });
          const { mask, labelSimilarity, otherSimilarity, otherNames } = await judgeRegions(path, { clip, ...judging });
          const found = [...mask.keys()].filter((region) => mask[region] !== 0);
          expect(found).toEqual([row * grid + column]);
          expect(otherSimilarity[found[0]!]).toBeGreaterThan(0.95);
          expect(labelSimilarity[found[0]!]).toBeLessThan(0.3);
          expect(new Set(otherNames)).toEqual(new Set(["bright"]));
        }
      }
    },
  );

  const modes: [string, Save][] = [
    ["rgba.png", (picture, path) => picture.ensureAlpha(0.5).png().toFile(path)],
    ["gray.png", (picture, path) => picture.toColourspace("b-w").png().toFile(path)],
    ["gray.jpg", (picture, path) => picture.toColourspace("b-w").jpeg().toFile(path)],
    ["cmyk.jpg", (picture, path) => picture.toColourspace("cmyk").jpeg().toFile(path)],
    ["palette.png", (picture, path) => picture.png({ palette: true }).toFile(path)],
    ["turned.jpg", (picture, path) => picture.withMetadata({ orientation: 6 }).jpeg().toFile(path)],
  ];
  it.each(modes)("and of %s", async (name, save) => {
    const path = await drawBlock(name, { width: 300, height: 200, column: 7, row: 2, clip: vit, save });
    const judged = await judgeRegions(path, { clip: vit, ...judging });
    expect([...judged.mask.keys()].filter((region) => judged.mask[region] !== 0)).toEqual([2 * 8 + 7]);
    expect([judged.image.width, judged.image.height]).toEqual([300, 200]);
    const [file] = await writeRegions(judged, join(dir, "modes"));
    expect((await sharp(await readFile(file!)).metadata()).format).toBe("png");
  });

  it("takes pictures of one pixel, and only one class", async () => {
    const path = join(dir, "one.png");
    await png(sharp(new Uint8Array([9, 9, 9]), { raw: { width: 1, height: 1, channels: 3 } }), path);
    const judged = await judgeRegions(path, {
      clip: vit,
      classes: [{ name: "dark", folder: "dark" }],
      classFeatures: { data: Float32Array.of(0, 1), shape: [1, 2] },
      topK: 1,
    });
    expect([...judged.mask]).toEqual(Array.from({ length: 64 }, () => 0));
    expect(judged.otherSimilarity.every(Number.isNaN)).toBe(true);
    for (const file of await writeRegions(judged, join(dir, "single"), { formats: ["png", "svg", "html"] }))
      expect((await readFile(file)).length).toBeGreaterThan(1000);
  });

  it("goes by a probability instead of K, and says the verdict", async () => {
    const path = await drawBlock("threshold.png", { width: 64, height: 64, column: 3, row: 3, clip: vit });
    const options = { clip: vit, ...judging, verdictBy: { score: mcm, threshold: 0.6 } };
    const all = await judgeRegions(path, { ...options, regionThreshold: 1.01 });
    expect(all.mask.every((value) => value === 1)).toBe(true);
    const one = await judgeRegions(path, { ...options, regionThreshold: 0.5 });
    expect([...one.mask.keys()].filter((region) => one.mask[region] !== 0)).toEqual([27]);
    expect(one.labelProbability[27]).toBeLessThan(1e-6);
    expect(one.labelProbability[0]).toBeGreaterThan(0.99);
    expect(one.verdict).toMatchObject({ score: "mcm", threshold: 0.6, isId: true });
    expect(one.verdict!.value).toBeGreaterThan(0.6);
    expect(one.prediction.className).toBe("dark");
  });
});

describe("writeRegions", () => {
  it("writes over nothing: neither its input nor a picture of the same name", async () => {
    const data = (await readFile(
      await drawBlock("x.png", { width: 64, height: 64, column: 1, row: 1, clip: vit }),
    )) as Uint8Array;
    const inputs = ["a/x.png", "b/x.png", "a/x-regions.png", "a/x.jpg"].map((name) => join(dir, "same", name));
    for (const folder of ["a", "b"]) await mkdir(join(dir, "same", folder), { recursive: true });
    for (const path of inputs) await writeFile(path, data);
    const out = join(dir, "same/a");
    const written: string[] = [];
    for (const path of inputs)
      written.push(
        ...(await writeRegions(await judgeRegions(path, { clip: vit, ...judging }), out, { formats: ["png", "html"] })),
      );
    expect(new Set(written).size).toBe(8);
    expect((await readdir(out)).sort()).toEqual(
      [...new Set([...written, ...inputs.filter((path) => path.startsWith(out))])]
        .map((path) => path.slice(out.length + 1))
        .sort(),
    );
    for (const path of inputs) expect(await readFile(path)).toEqual(data);
  });

  it("escapes names in every format, and loads nothing", async () => {
    const name = "<img src=x onerror=alert(1)>\u001b.png";
    const path = await drawBlock(name, { width: 64, height: 40, column: 1, row: 1, clip: vit });
    const classes = [
      { name: "bright", folder: "bright" },
      { name: "<b>&\ufffe", folder: "dark" },
    ];
    const judged = await judgeRegions(path, { clip: vit, ...judging, classes, label: 1 });
    const files = await writeRegions(judged, join(dir, "names"), { formats: ["svg", "html", "png"] });
    for (const file of files.slice(0, 2)) {
      const text = await readFile(file, "utf8");
      expect(text).not.toContain("<img");
      expect(text).not.toContain("<b>&");
      expect(text).not.toContain("\u001b");
      expect(text).not.toMatch(/(?:src|href)="(?!data:image\/|#)/);
    }
    expect((await sharp(files[0]).metadata()).format).toBe("svg");
  });

  it("refuses a format that there is not", async () => {
    const judged = await judgeRegions(join(dir, "x.png"), { clip: vit, ...judging });
    await expect(writeRegions(judged, dir, { formats: ["gif" as "png"] })).rejects.toThrow(/png, svg, html, got "gif"/);
  });
});

describe("contact sheets", () => {
  it("hold thumbnails with verdict, class and score, 60 on a sheet, and lead to the pages", async () => {
    const verdictBy = { score: mcm, threshold: 0.6 };
    const judged = await judgeRegions(join(dir, "x.png"), { clip: vit, ...judging, verdictBy });
    const entry = await sheetEntry(judged, { page: "painted/x-regions.html" });
    const out = join(dir, "sheets");
    const options = { formats: ["html", "svg", "png"] as const, title: "61 pictures" };
    const files = await writeSheets(
      Array.from({ length: 61 }, () => entry),
      out,
      options,
    );
    expect(files.map((path) => path.slice(out.length + 1))).toEqual(
      [1, 2].flatMap((n) => ["html", "svg", "png"].map((type) => `contact-sheet-page${n}.${type}`)),
    );
    const page = await readFile(files[0]!, "utf8");
    expect(page.match(/<li class="id">/g)).toHaveLength(60);
    expect(page).toContain('href="x-regions.html"');
    expect(page).toContain('href="contact-sheet-page2.html" rel="next"');
    expect(page).toMatch(/mcm 0\.\d+ ≥ 0\.6000/);
    expect((await sharp(files[2]).metadata()).width).toBeGreaterThan(1000);
    const before = await readFile(files[0]!);
    const again = await writeSheets([entry, entry], out, { formats: ["png"], title: "2" });
    expect(again[0]).toMatch(/contact-sheet\.png$/);
    expect((await writeSheets([entry, entry], out, { formats: ["png"], title: "2" }))[0]).toMatch(
      /contact-sheet-2\.png$/,
    );
    expect(await readFile(files[0]!)).toEqual(before);
  });
});

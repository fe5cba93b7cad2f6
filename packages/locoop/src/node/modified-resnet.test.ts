import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readImage } from "@locoop/clip/node";
import { imageFolder, listPictures } from "@locoop/datasets";
import { afterAll, beforeAll, expect, it } from "vitest";
import { detectFiles } from "./detection.js";
import { evaluateMethods } from "./evaluation.js";
import { closeModel, openModel } from "./model.js";
import { writeRegions } from "./region-files.js";
import { readRun } from "./run-folder.js";
import { bitsOf, drawClasses, shortRun } from "./training.test.kit.js";
import { trainRuns, type TrainOptions } from "./training.js";
import { judgeRegions } from "./visualization.js";
import { createWorkshop } from "./workshop.js";

// All that a user does with a run, by a small ModifiedResNet: 96 pixels, 3 x 3 regions.
const fixture = (name: string) => fileURLToPath(new URL(`../../../clip/fixtures/rn-tiny/${name}`, import.meta.url));
const weights = fixture("open_clip_model.safetensors");
let dir: string;
let data: string;
let names: string[];

beforeAll(async () => void ({ dir, data, names } = await drawClasses("resnet")), 120_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

const options = (out: string, more: Partial<TrainOptions> = {}): TrainOptions =>
  shortRun(data, join(dir, out), { weights, topK: 1, ...more });

it("trains on cached views and on fresh ones, on either engine, from either format, and repeats to the bit", async () => {
  await trainRuns(options("run"));
  const { classFeatures, config } = await readRun(join(dir, "run"));
  expect(classFeatures.shape).toEqual([3, 32]);
  expect(classFeatures.data.every(Number.isFinite)).toBe(true);
  expect(config.settings.lambda).toBe(0.25); // so local features were read
  await trainRuns(options("again"));
  expect(await bitsOf(join(dir, "again"))).toEqual(await bitsOf(join(dir, "run")));
  // the archive as OpenAI ships it, by the other engine
  const other = { weights: fixture("openai.pt"), backend: undefined, engine: "onnx" } as const;
  await trainRuns(options("fresh", { ...other, views: 0, epochs: 1 }));
  expect((await readRun(join(dir, "fresh"))).classFeatures.shape).toEqual([3, 32]);
});

it("evaluates, detects and visualizes by the run", async () => {
  const run = await readRun(join(dir, "run"));
  const engine = { engine: "tfjs", backend: "wasm" } as const;
  const workshop = createWorkshop({ model: { weights, engine }, threads: 1 });
  const id = await imageFolder(data);
  const ood = (await listPictures(join(dir, "drawn/train"))).filter(
    ({ path }) => !names.includes(basename(dirname(path))),
  );
  const { methods, counts, unreadable } = await evaluateMethods({
    methods: [{ method: "locoop", classFeatures: run.classFeatures }],
    id,
    ood: [{ name: "other", items: ood }],
    scores: ["mcm", "gl-mcm"],
    workshop,
  });
  expect(unreadable).toEqual([]);
  expect(counts).toEqual({ ID: 9, other: ood.length });
  for (const score of ["mcm", "gl-mcm"]) {
    const { auroc } = methods[0]!.scores[score]!.evaluation.average;
    expect(auroc).toBeGreaterThan(0);
    expect(auroc).toBeLessThanOrEqual(1);
  }
  const paths = id.items.slice(0, 2).map(({ path }) => path);
  for (const detection of await detectFiles(run, paths, { workshop })) {
    expect(detection.error).toBeUndefined();
    expect(run.classNames).toContain(detection.className);
  }
  await workshop.dispose();

  const clip = await openModel({ weights, engine });
  const judged = await judgeRegions(paths[0]!, { clip, ...run, topK: 1 });
  expect([judged.grid, judged.mask.length, judged.labelSource]).toEqual([3, 9, "folder"]);
  const [png] = await writeRegions(judged, join(dir, "painted"), { formats: ["png"] });
  const painted = await readImage(png!);
  expect(painted.width).toBeGreaterThan(3 * judged.image.width); // three panels
  expect(judged.labelSimilarity).toHaveLength(9);
  await closeModel();
});

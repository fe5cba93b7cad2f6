import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSplit } from "@locoop/datasets";
import { afterAll, beforeAll, expect, it } from "vitest";
import { UsageError } from "./errors.js";
import { closeModel, openModel } from "./model.js";
import { readRun, type RunConfig } from "./run-folder.js";
import { drawClasses, weights } from "./training.test.kit.js";
import { type TrainOptions, trainRuns } from "./training.js";

let dir: string;
let data: string;

beforeAll(async () => void ({ dir, data } = await drawClasses("training")), 120_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

const options = (out: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
  data,
  weights,
  out: join(dir, out),
  shots: 2,
  epochs: 1,
  views: 1,
  threads: 1,
  learnerOptions: { contexts: 2 },
  ...more,
});
const configOf = async (out: string): Promise<RunConfig> =>
  JSON.parse(await readFile(join(dir, out, "config.json"), "utf8")) as RunConfig;

/** The error of a training that must be refused before a picture is looked at, and leave nothing behind. */
async function refusedAtOnce(out: string, more: Partial<TrainOptions>): Promise<Error> {
  let checked = 0;
  const error: unknown = await trainRuns(options(out, { ...more, onCheck: () => checked++ })).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Error);
  expect({ checked, left: existsSync(join(dir, out)) }).toEqual({ checked: 0, left: false });
  return error as Error;
}

it("records the activation, mean and standard deviation that were used, and the model's notices, said once", async () => {
  const notices: string[] = [];
  await trainRuns(options("recorded", { seeds: [1, 2], onNotice: (line) => notices.push(line) }));
  const { model, notices: kept } = await configOf("recorded/seed2");
  expect(model.activation).toBe("quick_gelu");
  expect(model.mean).toEqual([0.48145466, 0.4578275, 0.40821073]); // OpenAI's
  expect(model.std).toEqual([0.26862954, 0.26130258, 0.27577711]);
  expect(notices.filter((line) => line.includes("QuickGELU is assumed"))).toHaveLength(1);
  expect(kept).toContainEqual(expect.stringContaining("QuickGELU is assumed"));
  await trainRuns(options("asked", { activation: "gelu" }));
  expect((await configOf("asked")).model.activation).toBe("gelu");
});

it("refuses weights whose pictures would be scaled otherwise than a run says", async () => {
  const spec = { weights, engine: { engine: "tfjs", backend: "wasm" }, activation: "quick_gelu" } as const;
  await expect(openModel({ ...spec, mean: [0.5, 0.5, 0.5] })).rejects.toThrow(/mean .*0\.5, 0\.5, 0\.5/);
  await expect(openModel({ ...spec, std: [0.5, 0.5, 0.5] })).rejects.toThrow(/standard deviation .*0\.5, 0\.5, 0\.5/);
  const { mean, std } = (await openModel(spec)).config;
  await expect(openModel({ ...spec, mean, std })).resolves.toBeDefined();
  await closeModel();
});

it("refuses a model or a learner that cannot be before it looks at pictures", async () => {
  await writeFile(join(dir, "wrong.safetensors"), "these are no weights");
  expect((await refusedAtOnce("early", { weights: join(dir, "wrong.safetensors") })).message).toMatch(/wrong/);
  expect((await refusedAtOnce("early", { learnerOptions: { contexts: 40 } })).message).toMatch(/40|32|long/);
  const unknown = await refusedAtOnce("early", { learnerOptions: { context: 4 } });
  expect(unknown).toBeInstanceOf(UsageError);
  expect(unknown.message).toMatch(/no option context/);
  expect((await refusedAtOnce("early", { learnerOptions: { position: "left" } })).message).toMatch(/position/);
});

it("refuses a place that cannot be written before it looks at pictures", async () => {
  await writeFile(join(dir, "file"), "");
  expect((await refusedAtOnce("file/run", {})).message).toMatch(/out: .*file is a file/);
});

it("refuses to resume with another plug-in, score list or calibration, a finished run too", async () => {
  const learner = join(dir, "learner.mjs");
  const learning = new URL("../../../prompt-learning/dist/index.js", import.meta.url).href;
  const source = `import { coop } from ${JSON.stringify(learning)};\nexport const mine = { ...coop, name: "mine" };\n`;
  await writeFile(learner, source);
  const more = { learner, scores: ["mcm"] };
  await trainRuns(options("resumed", more));
  const resume = (changed: Partial<TrainOptions>) =>
    trainRuns(options("resumed", { ...more, resume: true, ...changed }));
  expect(await resume({})).toHaveLength(1);
  await expect(resume({ scores: ["energy", "mcm"] })).rejects.toThrow(/scores was \["mcm"\] and is now/);
  await expect(resume({ calibration: data })).rejects.toThrow(/calibration\.origin was "left-over"/);
  await expect(resume({ calibrationLimit: 1 })).rejects.toThrow(/calibration\.sha256/);
  await writeFile(learner, `${source}// changed\n`);
  await expect(resume({})).rejects.toThrow(/plugins\..*learner\.mjs was/);
  await rm(join(dir, "resumed/detector.json"));
  await expect(resume({})).rejects.toThrow(/plugins\..*learner\.mjs was/);
});

it("goes on with the engine that a run was begun with, unless another is asked for", async () => {
  const said = async (more: Partial<TrainOptions>): Promise<string[]> => {
    const notices: string[] = [];
    await trainRuns(options("begun", { ...more, onNotice: (line) => notices.push(line) }));
    return notices.filter((line) => line.startsWith("engine: "));
  };
  expect(await said({ backend: "wasm" })).toEqual([expect.stringMatching(/^engine: TensorFlow\.js .* on wasm/)]);
  expect((await configOf("begun")).engine).toMatchObject({ engine: "tensorflow.js", backend: "wasm" });
  await rm(join(dir, "begun/detector.json"));
  expect(await said({ resume: true })).toEqual([expect.stringMatching(/^engine: TensorFlow\.js .* on wasm/)]);
  await expect(said({ resume: true, engine: "onnx" })).rejects.toThrow(
    /engine\.engine was "tensorflow\.js" and is now "onnxruntime"/,
  );
  await expect(said({ resume: true, backend: "cpu" })).rejects.toThrow(/engine\.backend was "wasm" and is now "cpu"/);
  await trainRuns(options("default"));
  expect((await configOf("default")).engine).toMatchObject({ engine: "onnxruntime", device: "cpu", backend: "wasm" });
});

it("takes shots and seed from a split, refuses other shots, lists short classes, applies strict", async () => {
  await trainRuns(options("drawn-run", { shots: 2, seeds: [7] }));
  const split = join(dir, "drawn-run/split.json");
  const { shots: _, ...rest } = options("again");
  await trainRuns({ ...rest, split });
  expect((await configOf("again")).settings).toMatchObject({ shots: 2, seed: 7 });
  expect(await readFile(join(dir, "again/split.json"), "utf8")).toBe(await readFile(split, "utf8"));
  await trainRuns({ ...rest, out: join(dir, "other-start"), split, seeds: [3] });
  expect((await configOf("other-start")).settings.seed).toBe(3);
  expect((await readSplit(join(dir, "other-start/split.json"), { root: data })).seed).toBe(7);
  await expect(trainRuns({ ...rest, split, shots: 4, out: join(dir, "no") })).rejects.toThrow(
    /split: .*2 shots.*4 shots/,
  );

  const written = JSON.parse(await readFile(split, "utf8")) as { train: { label: number }[]; shots?: number };
  delete written.shots;
  written.train.splice(
    written.train.findIndex(({ label }) => label === 1),
    1,
  );
  const short = join(dir, "short.json");
  await writeFile(short, JSON.stringify(written));
  const notices: string[] = [];
  await trainRuns({ ...rest, split: short, out: join(dir, "short"), onNotice: (line) => notices.push(line) });
  expect((await configOf("short")).settings.shots).toBe(2);
  expect(notices).toContainEqual(expect.stringMatching(/class ".*" has 1 of 2 shots/));
  await expect(trainRuns({ ...rest, split: short, strict: true, out: join(dir, "no") })).rejects.toThrow(
    /strict|at least 2/,
  );
  expect(existsSync(join(dir, "no"))).toBe(false);
});

it("refuses a calibration without one readable picture before anything is written", async () => {
  const broken = join(dir, "broken");
  await mkdir(broken);
  await writeFile(join(broken, "a.png"), "no picture");
  await expect(trainRuns(options("uncalibrated", { calibration: broken }))).rejects.toThrow(
    /calibration: none of the 1 pictures/,
  );
  expect(existsSync(join(dir, "uncalibrated"))).toBe(false);
  await cp(join(data, (await readRun(join(dir, "asked"))).classes[0]!.folder), broken, { recursive: true });
  await expect(trainRuns(options("calibrated", { calibration: broken }))).resolves.toHaveLength(1);
});

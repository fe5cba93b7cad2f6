import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeJson, writeWhole } from "./files.js";
import { checkResumable, readRun, type RunConfig, runState, startRunFolder, writeClassFeatures } from "./run-folder.js";

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "locoop-run-"))));
afterAll(() => rm(dir, { recursive: true }));

const config: RunConfig = {
  version: 1,
  created: "2025-01-01T00:00:00.000Z",
  settings: {
    method: "LoCoOp",
    shots: 1,
    seed: 1,
    learner: "coop",
    learnerOptions: { contexts: 16 },
    loss: "locoop",
    lambda: 0.25,
    topK: 1,
    views: 0,
    crop: [0.08, 1],
    epochs: 50,
    batchSize: 32,
    learningRate: 0.002,
    momentum: 0.9,
    weightDecay: 5e-4,
    warmupEpochs: 1,
    warmupLearningRate: 1e-5,
  },
  model: {
    weights: "/clip.safetensors",
    sha256: "a",
    activation: "quick_gelu",
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  },
  engine: { engine: "tensorflow.js", backend: "wasm", versions: { tfjs: "1" } },
  machine: { arch: "x64", platform: "linux" },
  versions: { locoop: "0.1.0", node: "20.0.0" },
  threads: 2,
  chunking: { pictures: 16 },
  data: { root: "/data", layout: "image-folder", classes: 2, pictures: 2, sha256: "b" },
  scores: ["mcm"],
  plugins: { "/mine.js": "d" },
  calibration: { origin: "left-over", sha256: "e" },
  notices: [],
};
const classes = ["cat", "dog"].map((name) => ({ name, folder: name }));

it("resumes where only what does not decide the bits has changed", async () => {
  await startRunFolder(dir, config, classes);
  expect(await runState(dir)).toBe("unfinished");
  const other = {
    ...config,
    threads: 8,
    created: "later",
    model: { ...config.model, weights: "/moved" },
    versions: { ...config.versions, node: "24" },
  };
  await expect(checkResumable(dir, other, classes)).resolves.toBeUndefined();
});

it.each([
  [
    { ...config, settings: { ...config.settings, learnerOptions: { contexts: 4 } } },
    /learnerOptions\.contexts was 16 and is now 4/,
  ],
  [{ ...config, model: { ...config.model, sha256: "c" } }, /weights\.sha256/],
  [{ ...config, model: { ...config.model, activation: "gelu" as const } }, /weights\.activation was "quick_gelu"/],
  [{ ...config, model: { ...config.model, mean: [0, 0, 0] as const } }, /weights\.mean/],
  [{ ...config, model: { ...config.model, std: [1, 1, 1] as const } }, /weights\.std/],
  [{ ...config, scores: ["energy"] }, /scores was/],
  [{ ...config, plugins: { "/mine.js": "changed" } }, /plugins\.\/mine\.js was/],
  [{ ...config, calibration: { ...config.calibration, origin: "folder" as const } }, /calibration\.origin was/],
  [{ ...config, calibration: { ...config.calibration, sha256: "f" } }, /calibration\.sha256 was/],
  [{ ...config, engine: { ...config.engine, backend: "cpu" as const } }, /engine\.backend/],
  [
    { ...config, engine: { ...config.engine, settings: { TF_ENABLE_ONEDNN_OPTS: "0" } } },
    /engine\.settings\.TF_ENABLE_ONEDNN_OPTS was not set and is now "0"/,
  ],
  [{ ...config, data: { ...config.data, sha256: "c" } }, /pictures/],
  [{ ...config, versions: { ...config.versions, locoop: "0.2.0" } }, /versions\.locoop/],
  [{ ...config, chunking: { pictures: 8 } }, /chunking/],
])("refuses when what decides the bits has changed (%#)", async (changed, reason) => {
  await expect(checkResumable(dir, changed, classes)).rejects.toThrow(reason);
});

it("refuses other classes", async () => {
  await expect(checkResumable(dir, config, [...classes].reverse())).rejects.toThrow(/classes was/);
});

it("reads a finished run, and says what is wrong with others", async () => {
  await expect(readRun(join(dir, "none"))).rejects.toThrow(/no such folder/);
  await expect(readRun(dir)).rejects.toThrow(/did not come to its end/);
  await writeClassFeatures(dir, { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
  await writeJson(join(dir, "detector.json"), { version: 1, score: "mcm" });
  const run = await readRun(dir);
  expect(run.classNames).toEqual(["cat", "dog"]);
  expect([...run.classFeatures.data]).toEqual([1, 2, 3, 4]);
  await writeClassFeatures(dir, { data: Float32Array.of(1, 2), shape: [1, 2] });
  await expect(readRun(dir)).rejects.toThrow(/does not hold features of the run's 2 classes/);
  await writeWhole(join(dir, "class-features.safetensors"), "cut");
  await expect(readRun(dir)).rejects.toThrow(/class-features\.safetensors: .*not a safetensors file/);
  await writeWhole(join(dir, "classnames.json"), "broken");
  await expect(readRun(dir)).rejects.toThrow(/is not JSON/);
  expect((await readdir(dir)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkComparable, comparedSettings, describeSettings } from "./compared-runs.js";
import type { RunConfig, RunSettings } from "./run-folder.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-compared-"));
  await mkdir(join(dir, "run"));
  await symlink(join(dir, "run"), join(dir, "link"));
});
afterAll(() => rm(dir, { recursive: true }));

const settings: RunSettings = {
  method: "LoCoOp",
  shots: 4,
  seed: 1,
  learner: "coop",
  learnerOptions: { contexts: 16, lambda: 7 },
  loss: "locoop",
  lambda: 0.25,
  topK: 10,
  views: 4,
  crop: [0.5, 1],
  epochs: 50,
  batchSize: 32,
  learningRate: 0.002,
  momentum: 0.9,
  weightDecay: 0.0005,
  warmupEpochs: 1,
  warmupLearningRate: 0.00001,
};
const config = (
  changes: Partial<RunSettings> = {},
  model: Partial<RunConfig["model"]> = {},
): Pick<RunConfig, "settings" | "model"> => ({
  settings: { ...settings, ...changes },
  model: { weights: "w", sha256: "s", ...model },
});
const run = (name: string, ...made: Parameters<typeof config>) => ({ dir: join(dir, name), config: config(...made) });

it("knows all settings but method, shots and seed, a learner's own among them", () => {
  const flat = comparedSettings(config());
  expect(flat).toMatchObject({ lambda: "0.25", contexts: "16", "learner option lambda": "7", crop: "[0.5,1]" });
  expect(Object.keys(flat)).not.toContain("seed");
  expect(comparedSettings(config({ seed: 2, shots: 1, method: "CoOp" }))).toEqual(flat);
});

it("takes seeds, and runs of other settings", async () => {
  const runs = [run("a"), run("b", { seed: 2 }), run("c", { lambda: 2 }), run("d", { shots: 1 })];
  await expect(checkComparable(runs)).resolves.toBeUndefined();
  const older = [run("a"), run("b", { seed: 2 }, { activation: "gelu" })];
  await expect(checkComparable(older)).resolves.toBeUndefined();
  await expect(checkComparable([])).resolves.toBeUndefined();
});

it("refuses a run that comes twice, by whatever path", async () => {
  await expect(checkComparable([run("run"), run("run")])).rejects.toThrow(/^--run: .*run comes twice; /);
  await expect(checkComparable([run("run"), run("link", { seed: 9 })])).rejects.toThrow(
    /link comes twice \(as .*run, too\)/,
  );
});

it("refuses twins and other activations", async () => {
  await expect(checkComparable([run("a"), run("b")])).rejects.toThrow(
    /a and .*b have the same settings and the same seed/,
  );
  await expect(
    checkComparable([run("a", {}, { activation: "quick_gelu" }), run("b", { seed: 2 }, { activation: "gelu" })]),
  ).rejects.toThrow(/b were trained with the activation quick_gelu, it with gelu/);
});

it("describes what runs share, and who has what where they differ", () => {
  const described = describeSettings([
    config(),
    config({ seed: 2 }),
    config({ lambda: 2 }),
    config({ method: "CoOp", lambda: 0, shots: 1 }),
  ]);
  expect(described).toMatchObject({ method: "LoCoOp, CoOp", shots: "4, 1", seed: "1, 2", epochs: "50", topK: "10" });
  expect(described["lambda"]).toBe(
    "0.25: LoCoOp (lambda 0.25), 4 shots; 2: LoCoOp (lambda 2), 4 shots; 0: CoOp, 1 shot",
  );
  expect(describeSettings([])).toEqual({});
});

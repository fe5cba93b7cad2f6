// What tests of whole trainings have in common: three classes of the toy benchmark, a short run on them, and its bits.
import { cp, mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drawBenchmark, tinyClipPaths } from "@locoop/tiny-clip";
import * as tf from "@tensorflow/tfjs";
import type { TrainOptions } from "./training.js";

export const { weights } = tinyClipPaths();

/** Draws three classes of three pictures to `data` in a new folder `dir`, which the caller removes. */
export async function drawClasses(name: string): Promise<{ dir: string; data: string; names: string[] }> {
  tf.enableProdMode(); // no banner
  const dir = await mkdtemp(join(tmpdir(), `locoop-${name}-`));
  const drawn = join(dir, "drawn");
  await drawBenchmark({ dir: drawn, seed: 1, trainPerClass: 3, validationPerClass: 0, testPerClass: 0, ood: 0 });
  const data = join(dir, "data");
  const names = (await readdir(join(drawn, "train"))).sort().slice(0, 3);
  for (const each of names) await cp(join(drawn, "train", each), join(data, each), { recursive: true });
  return { dir, data, names };
}

/** 6 pictures, 2 views of each; 3 epochs of 2 steps. */
export const shortRun = (data: string, out: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
  data,
  weights,
  out,
  shots: 2,
  epochs: 3,
  batchSize: 3,
  views: 2,
  threads: 1,
  backend: "wasm",
  learnerOptions: { contexts: 2 },
  ...more,
});

/** Everything in a run folder that its training decides. */
export const bitsOf = async (run: string): Promise<string[]> =>
  Promise.all(
    ["prompt.safetensors", "class-features.safetensors", "metrics.jsonl", "detector.json"].map((name) =>
      readFile(join(run, name), "latin1"),
    ),
  );

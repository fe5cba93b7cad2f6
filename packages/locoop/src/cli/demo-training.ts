import { rm } from "node:fs/promises";
import { join } from "node:path";
import { listPictures } from "@locoop/datasets";
import type { EngineOptions } from "../node/engine.js";
import { openModel } from "../node/model.js";
import { runState } from "../node/run-folder.js";
import { prepare, specFor } from "../node/training.js";
import { openCachedViews } from "../node/training-views.js";
import type { TrainedRun, TrainProgress, TrainSpec } from "../node/train-run.js";
import type { Workshop } from "../node/workshop.js";
import { notice } from "./output.js";
import { createProgress } from "./progress.js";

/** Fixed before any result was seen; not tuned on the OOD sets. */
export const SETTINGS = { views: 4, crop: [0.5, 1], epochs: 50, topK: 10, benchmarkSeed: 1, regions: 6 } as const;
interface Method {
  readonly name: string;
  readonly folder: string;
  readonly lambda: number;
}
const LOCOOP: Method = { name: "LoCoOp", folder: "locoop", lambda: 0.25 };
const METHODS: readonly Method[] = [{ name: "CoOp", folder: "coop", lambda: 0 }, LOCOOP];

/** Where the demo's runs go, and which there are. */
export interface Plan {
  readonly out: string;
  readonly dir: string;
  readonly weights: string;
  readonly shotsList: readonly number[];
  readonly seeds: readonly number[];
  readonly flags: EngineOptions;
}

// Views of so many seeds are cached at once: bounds the room that --full takes.
const SEEDS_AT_ONCE = 3;

/** Every method at every number of shots and seed; the views of a draw are encoded once for both methods. */
export async function trainAll(
  { out, dir, weights, shotsList, seeds, flags }: Plan,
  workshop: Workshop,
  signal: AbortSignal,
): Promise<{ spec: TrainSpec; run: TrainedRun }[]> {
  const calibrationPaths = (await listPictures(join(dir, "val"))).map(({ path }) => path);
  const calibrating = createProgress({ label: "encode calibration pictures" });
  const calibrationFeatures = await workshop.encode(
    calibrationPaths.map((path) => ({ path })),
    { local: true, signal, onProgress: (done) => calibrating.update(done, calibrationPaths.length) },
  );
  calibrating.end();
  const cacheDir = join(out, "cache");
  const all: { spec: TrainSpec; run: TrainedRun }[] = [];
  for (const shots of shotsList) {
    for (let first = 0; first < seeds.length; first += SEEDS_AT_ONCE) {
      const group = seeds.slice(first, first + SEEDS_AT_ONCE);
      const context = await prepare({
        data: join(dir, "train"),
        weights,
        out,
        shots,
        seeds: group,
        lambda: LOCOOP.lambda,
        topK: SETTINGS.topK,
        views: SETTINGS.views,
        crop: SETTINGS.crop,
        epochs: SETTINGS.epochs,
        scores: ["gl-mcm", "mcm"],
        calibration: join(dir, "val"),
        engine: flags.engine,
        device: flags.device,
        backend: flags.backend,
        threads: flags.threads,
        resume: true,
        signal,
      });
      const folder = (method: Method, seed: number): string =>
        join(out, "runs", `${method.folder}-${shots}shots-seed${seed}`);
      const drawn: TrainSpec[] = [];
      for (const seed of group) {
        const spec = await specFor(context, seed, folder(LOCOOP, seed));
        drawn.push({
          ...spec,
          // With local features, which CoOp does without.
          cache: { dir: cacheDir, local: true },
          calibration: { ...spec.calibration, paths: calibrationPaths, features: calibrationFeatures },
        });
      }
      const ready = METHODS.flatMap((method) =>
        drawn.map((spec): TrainSpec => {
          const settings = { ...spec.config.settings, method: method.name, lambda: method.lambda };
          return { ...spec, dir: folder(method, settings.seed), config: { ...spec.config, settings } };
        }),
      );
      await encodeViews(ready, { workshop, signal, label: `encode views, ${shots} shots` });
      const training = createProgress({ label: `train ${ready.length} runs, ${shots} shots`, unit: "steps" });
      const steps = ready.map(() => 0);
      const sizes = ready.map(() => 0);
      const runs = await workshop.trainAll(ready, {
        signal,
        progressOf:
          (run) =>
          ({ stage, done, total }) => {
            if (stage !== "train") return;
            steps[run] = done;
            sizes[run] = total;
            training.update(
              steps.reduce((a, b) => a + b, 0),
              Math.max(...sizes) * ready.length,
            );
          },
      });
      training.end();
      runs.forEach((run, i) => all.push({ spec: ready[i]!, run }));
      await rm(cacheDir, { recursive: true, force: true });
    }
  }
  return all;
}

/** Fills the caches that runs are to share, before they share them; those of finished runs are not missed. */
async function encodeViews(
  specs: readonly TrainSpec[],
  { workshop, signal, label }: { workshop: Workshop; signal: AbortSignal; label: string },
): Promise<void> {
  const bySeed = new Map<number, TrainSpec>();
  for (const spec of specs) if ((await runState(spec.dir)) !== "finished") bySeed.set(spec.config.settings.seed, spec);
  const encoding = createProgress({ label });
  const totals = [...bySeed.values()].map(({ items }) => items.length * SETTINGS.views);
  const total = totals.reduce((a, b) => a + b, 0);
  let before = 0;
  for (const [i, spec] of [...bySeed.values()].entries()) {
    const onProgress = ({ done, notice: line }: TrainProgress): void => {
      if (line !== undefined) notice(line);
      encoding.update(before + done, total);
    };
    await openCachedViews(spec, { workshop, clip: await openModel(workshop.model), signal, onProgress });
    before += totals[i]!;
  }
  encoding.end();
}

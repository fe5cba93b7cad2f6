import { join, resolve } from "node:path";
import type { Dataset } from "@locoop/datasets";
import * as tf from "@tensorflow/tfjs";
import { calibrationSet, describeCalibration } from "./calibration.js";
import { checkPictures, openDataset, type Unreadable } from "./data.js";
import {
  checkEngineOptions,
  describeEngine,
  type EngineDescription,
  type EngineOptions,
  resolveEngine,
} from "./engine.js";
import { UsageError } from "./errors.js";
import { PICTURE_CHUNK } from "./features.js";
import { exists, readJson } from "./files.js";
import { checkMemory } from "./memory.js";
import { closeModel, type ModelSpec, openModel } from "./model.js";
import { type AnyLearner, hashPlugins, loadLearner, loadScores, resolveChoice } from "./plugins.js";
import type { RunClass, RunConfig } from "./run-folder.js";
import { checkResumable, runFiles, runState } from "./run-folder.js";
import { checkNumbers, resolveLearnerOptions, resolveSettings } from "./settings.js";
import { type Draw, drawShots, resolveDraw } from "./shots.js";
import type { TrainedRun, TrainProgress, TrainSpec } from "./train-run.js";
import { createLearner } from "./train-run.js";
import { runVersions } from "./versions.js";
import { resolveWeights, sha256OfWeights } from "./weights-name.js";
import { createWorkshop, type Workshop } from "./workshop.js";
import { ensureWritableFolder } from "./writable-folder.js";

/**
 * What `trainRuns` is asked for; everything but data, weights and place has a default. With `resume`, the engine's default is the
 * one that the run was begun with.
 */
export interface TrainOptions extends EngineOptions {
  /** Class folders, or the ImageNet layout. */
  readonly data: string;
  /** Weights of the CLIP to use, as a path or a downloaded model's name; never a silent default. */
  readonly weights: string;
  /** The run folder; with several seeds, the folder of `seed1`, `seed2`, ... */
  readonly out: string;
  /** Pictures per class; default 16, or as the split says. */
  readonly shots?: number;
  /** A run for each; default 1, or as the split says. */
  readonly seeds?: readonly number[];
  readonly learner?: string;
  readonly learnerOptions?: Readonly<Record<string, unknown>>;
  /** Weight of the entropy of ID-irrelevant regions, lambda; 0 is exactly CoOp. Default 0.25, or the learner's own loss. */
  readonly lambda?: number;
  /** K; default max(1, round(C / 5)). */
  readonly topK?: number;
  readonly views?: number;
  readonly crop?: readonly [number, number];
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly learningRate?: number;
  readonly scores?: readonly string[];
  readonly calibration?: string;
  readonly calibrationLimit?: number;
  readonly split?: string;
  readonly classNames?: string;
  readonly strict?: boolean;
  readonly skipUnreadable?: boolean;
  readonly resume?: boolean;
  readonly activation?: "quick_gelu" | "gelu";
  readonly signal?: AbortSignal;
  /** Called with every warning and notice, a line each. */
  readonly onNotice?: (line: string) => void;
  /** Called as runs go on; `run` counts from 0. */
  readonly onProgress?: (progress: TrainProgress & { readonly run: number; readonly runs: number }) => void;
  /** Called for every drawn picture that was decoded to see whether it can be. */
  readonly onCheck?: (done: number, total: number) => void;
}

/**
 * Trains one run per seed, each into its folder; several runs are spread over worker threads. Everything is checked before the
 * first step: paths, classes, that every drawn picture decodes, that the prompt fits the model.
 *
 * @throws UsageError for values out of range; an Error of one line for everything else
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { drawBenchmark, tinyClipPaths } from "@locoop/tiny-clip";
 * import { trainRuns } from "locoop/node";
 *
 * const dir = await mkdtemp(join(tmpdir(), "train-"));
 * await drawBenchmark({ dir: join(dir, "toy"), seed: 1, trainPerClass: 2, validationPerClass: 0, testPerClass: 0, ood: 0 });
 * const [run] = await trainRuns({
 *   data: join(dir, "toy/train"),
 *   weights: tinyClipPaths().weights,
 *   out: join(dir, "run"),
 *   shots: 1,
 *   epochs: 1,
 *   views: 1,
 *   threads: 1,
 * });
 * console.log(run?.detector.origin); // → left-over
 * ```
 */
export async function trainRuns(options: TrainOptions): Promise<TrainedRun[]> {
  const { signal, onProgress } = options;
  const specs: TrainSpec[] = [];
  let workshop: Workshop | undefined;
  try {
    const context = await prepare(options);
    const { seeds } = context.draw;
    for (const seed of seeds) specs.push(await specFor(context, seed, runFolder(options.out, seed, seeds)));
    workshop = createWorkshop(context);
    const progressOf =
      (run: number) =>
      ({ notice, ...progress }: TrainProgress): void => {
        if (notice !== undefined) context.notice(notice);
        onProgress?.({ ...progress, run, runs: specs.length });
      };
    return await workshop.trainAll(specs, { signal, progressOf });
  } finally {
    await workshop?.dispose();
    await closeModel();
  }
}

const runFolder = (out: string, seed: number, seeds: readonly number[]): string =>
  seeds.length > 1 ? join(resolve(out), `seed${seed}`) : resolve(out);

/** The engine of an unfinished run is the one that decides its bits: what to ask for, if nothing else is asked for. */
async function engineToResume(
  { engine, device, backend, threads, out, resume }: TrainOptions,
  { seeds }: Draw,
): Promise<EngineOptions> {
  if (resume && engine === undefined && device === undefined && backend === undefined)
    for (const seed of seeds) {
      const path = join(runFolder(out, seed, seeds), runFiles.config);
      if (!(await exists(path))) continue;
      const { engine: then } = await readJson<{ engine?: Partial<EngineDescription> }>(path, "resume");
      if (then?.engine === "tensorflow.js") return { engine: "tfjs", backend: then.backend, threads };
      if (then?.engine === "onnxruntime")
        return {
          engine: "onnx",
          device: then.device,
          backend: then.backend === "tensorflow" ? "tensorflow" : undefined,
          threads,
        };
    }
  return { engine, device, backend, threads };
}

/** What all runs of one command share. */
export interface TrainContext {
  readonly options: TrainOptions;
  readonly dataset: Dataset & { readonly layout: string };
  readonly classes: readonly RunClass[];
  readonly draw: Draw;
  readonly definition: AnyLearner;
  readonly scores: RunConfig["scores"];
  /** What to open; it is open in this thread, and stays so. */
  readonly model: ModelSpec;
  /** Cores to use in all. */
  readonly threads: number;
  /** The same as a run records it. */
  readonly recorded: RunConfig["model"];
  readonly modelNotices: readonly string[];
  readonly notice: (line: string) => void;
}

/** Checks everything that can be checked before a picture is looked at, cheapest first; leaves the model open. */
export async function prepare(options: TrainOptions): Promise<TrainContext> {
  const { onNotice = () => {}, scores = ["gl-mcm", "mcm"], learner = "coop", activation } = options;
  checkNumbers(options);
  checkEngineOptions(options);
  await ensureWritableFolder(options.out, "out");
  const weights = await resolveWeights(options.weights);
  const choices = scores.map(resolveChoice);
  await loadScores(choices);
  const definition = await loadLearner(resolveChoice(learner));
  const learnerOptions = resolveLearnerOptions(definition, options.learnerOptions);
  const dataset = await openDataset(options.data, { split: "train", classNames: options.classNames });
  if (dataset.classNames.length < 2)
    throw new Error(
      `data: expected at least two class folders in ${dataset.root}, found ${dataset.classNames.length}; one class leaves nothing to tell apart`,
    );
  for (const warning of dataset.warnings) onNotice(`warning: ${warning}`);
  const classes = dataset.classNames.map((name, i) => ({ name, folder: dataset.folders[i]! }));
  const { topK } = options;
  if (topK !== undefined && topK > classes.length)
    throw new UsageError(`--top-k must be at most the ${classes.length} classes of ${dataset.root}, got ${topK}`);
  const draw = await resolveDraw(options, dataset.root);

  const { engine, threads, notices } = await resolveEngine(await engineToResume(options, draw));
  for (const line of notices) onNotice(line);
  const model = { weights, engine, activation };
  const warning = await checkMemory(model);
  if (warning !== undefined) onNotice(warning);
  const clip = await openModel(model);
  for (const line of clip.notices) onNotice(`notice: ${line}`);
  // Made once only to see that it can be: its options, and that its prompts fit the model.
  const tried = createLearner(definition, learnerOptions, { clip, classes, seed: draw.seeds[0]! });
  try {
    tf.tidy(() => void tried.prompts());
  } finally {
    tried.dispose();
  }
  return {
    options,
    dataset,
    classes,
    draw,
    definition,
    scores: choices,
    model,
    threads,
    recorded: {
      weights,
      sha256: await sha256OfWeights(weights),
      activation: clip.config.activation,
      mean: clip.config.mean,
      std: clip.config.std,
    },
    modelNotices: clip.notices,
    notice: onNotice,
  };
}

/** Draws the shots of one seed and writes down everything that its run needs. */
export async function specFor(context: TrainContext, seed: number, dir: string): Promise<TrainSpec> {
  const { options, dataset, classes, draw, definition, scores, notice } = context;
  const { resume = false, strict = false, skipUnreadable = false, signal } = options;
  const state = await runState(dir);
  if (state !== "none" && !resume)
    throw new Error(
      `${dir} holds ${state === "finished" ? "a finished" : "an unfinished"} run already; give another --out${state === "unfinished" ? ", or --resume to go on with it" : ""}`,
    );
  const { items, rest, short } = drawShots(dataset, draw, { seed, strict, path: options.split });
  for (const { className, available } of short)
    notice(`notice: class "${className}" has ${available} of ${draw.shots} shots; all of it is taken`);
  const checked = await checkPictures(items, {
    root: dataset.root,
    signal,
    onProgress: (done) => options.onCheck?.(done, items.length),
  });
  report(checked.unreadable, items.length, skipUnreadable, notice);
  const left = new Set(checked.good.map(({ label }) => label));
  const emptied = classes.findIndex((_, label) => !left.has(label));
  if (emptied >= 0)
    throw new Error(
      `data: no readable picture is left of class "${classes[emptied]!.name}"; add pictures or remove its folder`,
    );
  const { calibration: folder, calibrationLimit } = options;
  const calibration = await calibrationSet({
    calibration: folder,
    calibrationLimit,
    shots: checked.good,
    rest,
    signal,
  });
  const settings = resolveSettings(options, { definition, classes: classes.length, shots: draw.shots, seed });
  const views =
    settings.views > 0
      ? `trained on ${settings.views} cached augmentations of each picture: faster, but not the paper's algorithm, which augments anew in every epoch`
      : undefined;
  if (views !== undefined) notice(`notice: ${views}`);
  const config: RunConfig = {
    version: 1,
    created: new Date().toISOString(),
    settings,
    model: context.recorded,
    engine: await describeEngine(context.model.engine),
    machine: { arch: process.arch, platform: process.platform },
    versions: await runVersions(),
    threads: context.threads,
    chunking: { pictures: PICTURE_CHUNK },
    data: {
      root: dataset.root,
      layout: dataset.layout,
      classes: classes.length,
      pictures: checked.good.length,
      sha256: checked.sha256,
    },
    scores,
    plugins: await hashPlugins([settings.learner, ...scores]),
    calibration: describeCalibration(calibration, dataset.root),
    notices: [
      ...context.modelNotices,
      ...(views === undefined ? [] : [views]),
      ...checked.unreadable.map(({ path }) => `skipped unreadable picture ${path}`),
    ],
  };
  if (state !== "none") await checkResumable(dir, config, classes);
  return {
    dir,
    config,
    classes,
    root: dataset.root,
    items: checked.good,
    drawSeed: draw.split ? draw.split.seed : seed,
    calibration,
    resume,
  };
}

function report(unreadable: readonly Unreadable[], total: number, skip: boolean, notice: (line: string) => void): void {
  for (const { path, error } of unreadable) notice(`unreadable: ${path}: ${error}`);
  if (unreadable.length > 0 && !skip)
    throw new Error(
      `${unreadable.length} of the ${total} drawn pictures cannot be read (first: ${unreadable[0]!.path}); skipping them would change the split, so nothing was trained: repair them, or give --skip-unreadable`,
    );
}

import { join, resolve } from "node:path";
import type { Dataset } from "@locoop/datasets";
import * as tf from "@tensorflow/tfjs";
import { calibrationSet, describeCalibration } from "./calibration.js";
import { checkPictures, openDataset, type Unreadable } from "./data.js";
import { defaultThreads, describeEngine, type BackendName } from "./engine.js";
import { UsageError } from "./errors.js";
import { PICTURE_CHUNK } from "./features.js";
import { ensureFile, sha256OfFile } from "./files.js";
import { closeModel, type ModelSpec, openModel } from "./model.js";
import { type AnyLearner, hashPlugins, loadLearner, loadScores, resolveChoice } from "./plugins.js";
import type { RunClass, RunConfig } from "./run-folder.js";
import { checkResumable, runState } from "./run-folder.js";
import { checkNumbers, resolveLearnerOptions, resolveSettings } from "./settings.js";
import { type Draw, drawShots, resolveDraw } from "./shots.js";
import type { TrainedRun, TrainProgress, TrainSpec } from "./train-run.js";
import { createLearner, trainRun } from "./train-run.js";
import { runVersions } from "./versions.js";
import { createWorkshop, signalForMany, type Workshop } from "./workshop.js";
import { ensureWritableFolder } from "./writable-folder.js";

/** What `trainRuns` is asked for; everything but data, weights and place has a default. */
export interface TrainOptions {
  /** Class folders, or the ImageNet layout. */
  readonly data: string;
  /** Weights of the CLIP to use; never a silent default. */
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
  readonly backend?: BackendName;
  readonly threads?: number;
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
  const { out, threads = defaultThreads(), signal, onProgress } = options;
  const specs: TrainSpec[] = [];
  let workshop: Workshop | undefined;
  try {
    const context = await prepare(options);
    const { seeds } = context.draw;
    for (const seed of seeds)
      specs.push(await specFor(context, seed, seeds.length > 1 ? join(resolve(out), `seed${seed}`) : resolve(out)));
    workshop = createWorkshop({ model: context.model, threads });
    // Where workers do it all, this thread's model would only take room.
    if (specs.length > 1 && threads > 1) await closeModel();
    const progressOf = (run: number) => (progress: TrainProgress) =>
      onProgress?.({ ...progress, run, runs: specs.length });
    return await runSpecs(specs, { workshop, signal, progressOf });
  } finally {
    await workshop?.dispose();
    await closeModel();
  }
}

/** One run: trained in this thread while workers encode its pictures. Several: each whole in a worker. */
export async function runSpecs(
  specs: readonly TrainSpec[],
  {
    workshop,
    signal,
    progressOf,
  }: { workshop: Workshop; signal?: AbortSignal; progressOf: (run: number) => (progress: TrainProgress) => void },
): Promise<TrainedRun[]> {
  if (specs.length === 1 && workshop.threads > 1) {
    try {
      return [
        await trainRun(specs[0]!, {
          workshop,
          clip: await openModel(workshop.model),
          signal,
          onProgress: progressOf(0),
        }),
      ];
    } finally {
      await closeModel();
    }
  }
  if (workshop.threads === 1) {
    const done: TrainedRun[] = [];
    for (const [run, spec] of specs.entries())
      done.push(await workshop.train(spec, { signal, onProgress: progressOf(run) }));
    return done;
  }
  const stop = new AbortController();
  const either = signalForMany(signal, stop.signal);
  const runs = specs.map((spec, run) => workshop.train(spec, { signal: either, onProgress: progressOf(run) }));
  try {
    return await Promise.all(runs);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(runs);
    throw error;
  }
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
  /** The same as a run records it. */
  readonly recorded: RunConfig["model"];
  readonly modelNotices: readonly string[];
  readonly notice: (line: string) => void;
}

/** Checks everything that can be checked before a picture is looked at, cheapest first; leaves the model open. */
export async function prepare(options: TrainOptions): Promise<TrainContext> {
  const { onNotice = () => {}, backend = "wasm", scores = ["gl-mcm", "mcm"], learner = "coop", activation } = options;
  checkNumbers(options);
  await ensureWritableFolder(options.out, "out");
  const weights = resolve(options.weights);
  await ensureFile(weights, "weights");
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

  const model = { weights, backend, activation };
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
    recorded: {
      weights,
      sha256: await sha256OfFile(weights),
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
    engine: await describeEngine(context.model.backend),
    machine: { arch: process.arch, platform: process.platform },
    versions: await runVersions(),
    threads: options.threads ?? defaultThreads(),
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

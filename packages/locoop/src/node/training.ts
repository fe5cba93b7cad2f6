import { join, resolve } from "node:path";
import type { Dataset, Item } from "@locoop/datasets";
import { listPictures, readSplit, sampleFewShot } from "@locoop/datasets";
import { defaultTopK } from "../loss.js";
import { checkPictures, openDataset, thinOut, type Unreadable } from "./data.js";
import { defaultThreads, describeEngine, type BackendName } from "./engine.js";
import { UsageError } from "./errors.js";
import { PICTURE_CHUNK } from "./features.js";
import { ensureFile, sha256OfFile } from "./files.js";
import { closeModel, openModel } from "./model.js";
import { loadLearner, loadScores, resolveChoice } from "./plugins.js";
import type { RunClass, RunConfig, RunSettings } from "./run-folder.js";
import { checkResumable, runState } from "./run-folder.js";
import type { TrainedRun, TrainProgress, TrainSpec } from "./train-run.js";
import { trainRun } from "./train-run.js";
import { runVersions } from "./versions.js";
import { createWorkshop, type Workshop } from "./workshop.js";

/** What `trainRuns` is asked for; everything but data, weights and place has a default. */
export interface TrainOptions {
  /** Class folders, or the ImageNet layout. */
  readonly data: string;
  /** Weights of the CLIP to use; never a silent default. */
  readonly weights: string;
  /** The run folder; with several seeds, the folder of `seed1`, `seed2`, ... */
  readonly out: string;
  readonly shots?: number;
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
  const { seeds = [1], out, threads = defaultThreads(), signal, onProgress } = options;
  const context = await prepare(options);
  const specs: TrainSpec[] = [];
  for (const seed of seeds)
    specs.push(await specFor(context, seed, seeds.length > 1 ? join(resolve(out), `seed${seed}`) : resolve(out)));
  const model = { weights: context.weights, backend: context.backend, activation: options.activation };
  const workshop = createWorkshop({ model, threads });
  const progressOf = (run: number) => (progress: TrainProgress) =>
    onProgress?.({ ...progress, run, runs: specs.length });
  try {
    return await runSpecs(specs, { workshop, signal, progressOf });
  } finally {
    await workshop.dispose();
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
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
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
  readonly weights: string;
  readonly backend: BackendName;
  readonly sha256: string;
  readonly notice: (line: string) => void;
}

/** Checks everything that can be checked before a picture is drawn. */
export async function prepare(options: TrainOptions): Promise<TrainContext> {
  const { onNotice = () => {}, backend = "wasm", scores = ["gl-mcm", "mcm"], learner = "coop" } = options;
  checkNumbers(options);
  const weights = resolve(options.weights);
  await ensureFile(weights, "weights");
  await loadScores(scores.map(resolveChoice));
  await loadLearner(resolveChoice(learner));
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
  return { options, dataset, classes, weights, backend, sha256: await sha256OfFile(weights), notice: onNotice };
}

function checkNumbers({
  shots = 16,
  seeds = [1],
  lambda,
  topK,
  views = 0,
  crop = [0.08, 1],
  epochs = 50,
  batchSize = 32,
  learningRate = 0.002,
}: TrainOptions): void {
  const whole = (name: string, value: number, least: number): void => {
    if (!Number.isSafeInteger(value) || value < least)
      throw new UsageError(`${name} must be a whole number of ${least} or more, got ${value}`);
  };
  whole("shots", shots, 1);
  for (const seed of seeds) whole("seed", seed, 0);
  if (new Set(seeds).size !== seeds.length) throw new UsageError(`seeds must differ, got ${seeds.join(", ")}`);
  whole("views", views, 0);
  whole("epochs", epochs, 1);
  whole("batch size", batchSize, 1);
  if (topK !== undefined) whole("top-k", topK, 1);
  if (lambda !== undefined && !(lambda >= 0 && Number.isFinite(lambda)))
    throw new UsageError(`lambda must be a number of 0 or more, got ${lambda}`);
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    throw new UsageError(`learning rate must be above 0, got ${learningRate}`);
  if (!(crop[0] > 0 && crop[0] <= crop[1] && crop[1] <= 1))
    throw new UsageError(`crop must be two shares 0 < least <= most <= 1, got ${crop.join(",")}`);
}

/** Draws the shots of one seed and writes down everything that its run needs. */
export async function specFor(context: TrainContext, seed: number, dir: string): Promise<TrainSpec> {
  const { options, dataset, classes, weights, backend, sha256, notice } = context;
  const { resume = false, shots = 16, strict = false, skipUnreadable = false, signal } = options;
  const state = await runState(dir);
  if (state !== "none" && !resume)
    throw new Error(
      `${dir} holds ${state === "finished" ? "a finished" : "an unfinished"} run already; give another --out${state === "unfinished" ? ", or --resume to go on with it" : ""}`,
    );
  const { items, rest, short } = await drawShots(context, { shots, seed, strict });
  for (const { className, available } of short)
    notice(`notice: class "${className}" has ${available} of ${shots} shots; all of it is taken`);
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
  const engine = await describeEngine(backend);
  const settings = await resolveSettings(options, { classes: classes.length, seed });
  const config: RunConfig = {
    version: 1,
    created: new Date().toISOString(),
    settings,
    model: { weights, sha256, activation: options.activation },
    engine,
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
    scores: (options.scores ?? ["gl-mcm", "mcm"]).map(resolveChoice),
    notices: [
      ...(settings.views > 0
        ? [
            `trained on ${settings.views} cached augmentations of each picture: faster, but not the paper's algorithm, which augments anew in every epoch`,
          ]
        : []),
      ...checked.unreadable.map(({ path }) => `skipped unreadable picture ${path}`),
    ],
  };
  for (const line of config.notices.slice(0, settings.views > 0 ? 1 : 0)) notice(`notice: ${line}`);
  if (state !== "none") await checkResumable(dir, config, classes);
  return {
    dir,
    config,
    classes,
    root: dataset.root,
    items: checked.good,
    calibration: await calibrationSet(options, checked.good, rest),
    resume,
  };
}

async function drawShots(
  { options, dataset }: TrainContext,
  draw: { shots: number; seed: number; strict: boolean },
): Promise<{ items: Item[]; rest: Item[]; short: { className: string; available: number }[] }> {
  if (options.split === undefined) return sampleFewShot(dataset, draw);
  const split = await readSplit(options.split, { root: dataset.root });
  const same =
    split.classNames.length === dataset.classNames.length &&
    split.classNames.every((name, i) => name === dataset.classNames[i]);
  if (!same)
    throw new Error(
      `split: ${options.split} names ${split.classNames.length} classes, ${dataset.root} has ${dataset.classNames.length} or other names; use the split that belongs to these folders`,
    );
  const taken = new Set(split.train.map(({ path }) => path));
  return {
    items: [...split.train],
    rest: split.calibration.length > 0 ? [...split.calibration] : dataset.items.filter(({ path }) => !taken.has(path)),
    short: [],
  };
}

function report(unreadable: readonly Unreadable[], total: number, skip: boolean, notice: (line: string) => void): void {
  for (const { path, error } of unreadable) notice(`unreadable: ${path}: ${error}`);
  if (unreadable.length > 0 && !skip)
    throw new Error(
      `${unreadable.length} of the ${total} drawn pictures cannot be read (first: ${unreadable[0]!.path}); skipping them would change the split, so nothing was trained: repair them, or give --skip-unreadable`,
    );
}

async function calibrationSet(
  { calibration, calibrationLimit = 5000 }: TrainOptions,
  shots: readonly Item[],
  rest: readonly Item[],
): Promise<TrainSpec["calibration"]> {
  const trained = new Set(shots.map(({ path }) => path));
  if (calibration !== undefined) {
    const paths = (await listPictures(calibration)).map(({ path }) => path).filter((path) => !trained.has(path));
    if (paths.length === 0)
      throw new Error(
        `calibration: every picture of ${calibration} is a training shot; give a folder of other pictures`,
      );
    return { origin: "folder", source: resolve(calibration), paths: thinOut(paths, calibrationLimit) };
  }
  if (rest.length > 0)
    return {
      origin: "left-over",
      source: "the pictures that the draw left over",
      paths: thinOut(rest, calibrationLimit).map(({ path }) => path),
    };
  return { origin: "shots", source: "the training shots", paths: shots.map(({ path }) => path) };
}

async function resolveSettings(
  options: TrainOptions,
  { classes, seed }: { classes: number; seed: number },
): Promise<RunSettings> {
  const choice = resolveChoice(options.learner ?? "coop");
  const definition = await loadLearner(choice);
  const { views = 0, crop = [0.08, 1], epochs = 50, batchSize = 32, learningRate = 0.002, shots = 16 } = options;
  const unknown = Object.keys(options.learnerOptions ?? {}).filter((key) => !Object.hasOwn(definition.defaults, key));
  if (unknown.length > 0)
    throw new UsageError(
      `learner ${definition.name} has no option ${unknown.join(", ")}; its options are ${Object.keys(definition.defaults).join(", ") || "none"}`,
    );
  const lambda = options.lambda ?? 0.25;
  // A learner from outside may bring its own loss; it is used unless lambda or K is asked for.
  const own = choice !== definition.name && options.lambda === undefined && options.topK === undefined;
  const method =
    definition.name === "template"
      ? "zero-shot"
      : definition.name === "coop"
        ? lambda > 0
          ? "LoCoOp"
          : "CoOp"
        : definition.name;
  return {
    method,
    shots,
    seed,
    learner: choice,
    learnerOptions: { ...definition.defaults, ...options.learnerOptions },
    loss: own ? "learner" : "locoop",
    lambda,
    topK: options.topK ?? defaultTopK(classes),
    views,
    crop: [crop[0], crop[1]],
    epochs,
    batchSize,
    learningRate,
    momentum: 0.9,
    weightDecay: 5e-4,
    warmupEpochs: 1,
    warmupLearningRate: 1e-5,
  };
}

import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clip, Floats, ImageFeatures } from "@locoop/clip";
import { createRandom, writeSafetensors } from "@locoop/clip";
import type { Item } from "@locoop/datasets";
import { batches, countBatches, writeSplit } from "@locoop/datasets";
import { thresholdAtTpr } from "@locoop/ood-metrics";
import type { Learner, TrainingBatch } from "@locoop/prompt-learning";
import { encodeClasses, fit, readCheckpoint, variableName, writeCheckpoint } from "@locoop/prompt-learning";
import { locoopLoss } from "../loss.js";
import { unreadableCalibration } from "./calibration.js";
import type { PictureRequest } from "./features.js";
import { exists, writeJson, writeWhole } from "./files.js";
import { ensureFiniteClasses, ensureFiniteFeatures } from "./finite.js";
import { type AnyLearner, loadLearner, loadScores } from "./plugins.js";
import type { CalibrationOrigin, DetectorFile, RunClass, RunConfig } from "./run-folder.js";
import { checkResumable, readRun, runFiles, runState, startRunFolder, writeClassFeatures } from "./run-folder.js";
import { judgeFeatures, type ScoredPicture } from "./scoring.js";
import { openViewCache, viewParts, type Views, viewsInMemory } from "./view-cache.js";
import type { Workshop } from "./workshop.js";

/** The pictures that a threshold is calibrated on, and where they come from. */
export interface CalibrationSet {
  readonly origin: CalibrationOrigin;
  /** In words, for people. */
  readonly source: string;
  readonly paths: readonly string[];
  /** Features of these pictures, if they are encoded already. */
  readonly features?: ImageFeatures;
}

/** Everything one training run needs, as plain data: it travels to workers. */
export interface TrainSpec {
  readonly dir: string;
  readonly config: RunConfig;
  readonly classes: readonly RunClass[];
  /** The shots; paths are absolute and below `root`. */
  readonly root: string;
  readonly items: readonly Item[];
  /** The seed that drew them; that of a split from elsewhere may be unknown. */
  readonly drawSeed?: number;
  readonly calibration: CalibrationSet;
  /** Features of the views, if they are encoded already: view-major rows [V * items]. They are rounded to float16, as cached ones are. */
  readonly features?: ImageFeatures;
  /** Where cached views lie, by default in the run folder, and whether with local features, by default if the run reads them: runs of one draw may share them. */
  readonly cache?: { readonly dir: string; readonly local: boolean };
  readonly resume: boolean;
}

/** How far a run is. */
export interface TrainProgress {
  readonly stage: "encode" | "train" | "calibrate";
  readonly done: number;
  readonly total: number;
  readonly loss?: number;
  /** Something to tell people, a line. */
  readonly notice?: string;
}

/** What a run leaves for the caller; all of it is in the folder, too. */
export interface TrainedRun {
  readonly dir: string;
  readonly classFeatures: Floats;
  readonly detector: DetectorFile;
  readonly loss?: number;
}

interface Surroundings {
  readonly workshop: Workshop;
  readonly clip: Clip;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainProgress) => void;
}

/** Whether training reads local features: LoCoOp's loss does unless lambda is 0, a learner's own may. */
export const needsLocal = ({ settings }: RunConfig): boolean => settings.loss === "learner" || settings.lambda > 0;

/** The augmentation of a picture, seeded by run, epoch (or view) and place in the split. */
export function viewRequest({ settings }: RunConfig, item: Item, index: number, epoch: number): PictureRequest {
  return { path: item.path, augmentation: { key: `${settings.seed}/${epoch}/${index}`, scale: settings.crop } };
}

/** All views of all items, view-major: the order of cached features. */
export function viewRequests(config: RunConfig, items: readonly Item[]): PictureRequest[] {
  return Array.from({ length: config.settings.views }, (_, view) =>
    items.map((item, index) => viewRequest(config, item, index, view)),
  ).flat();
}

/** Makes a learner for the classes of a run; the caller disposes it. */
export function createLearner(
  definition: AnyLearner,
  options: Readonly<Record<string, unknown>>,
  { clip, classes, seed }: { clip: Clip; classes: readonly RunClass[]; seed: number },
): Learner {
  return definition.create(
    {
      classNames: classes.map(({ name }) => name),
      tokenizer: clip.tokenizer,
      embedTokens: (ids) => clip.embedTokens(ids),
      contextLength: clip.config.text.contextLength,
      width: clip.config.text.width,
      seed,
    },
    options,
  );
}

/** Trains one run into its folder, or goes on with it: learner, epochs with a checkpoint each, class features, threshold. */
export async function trainRun(
  spec: TrainSpec,
  { workshop, clip, signal, onProgress }: Surroundings,
): Promise<TrainedRun> {
  const { dir, config, classes, items, root } = spec;
  const { settings } = config;
  const definition = await loadLearner(settings.learner);
  const learner = createLearner(definition, settings.learnerOptions, { clip, classes, seed: settings.seed });
  try {
    const resuming = spec.resume && (await exists(join(dir, runFiles.config)));
    if (resuming) {
      await checkResumable(dir, config, classes);
      if ((await runState(dir)) === "finished") {
        const { classFeatures, detector } = await readRun(dir);
        return { dir, classFeatures, detector };
      }
    } else {
      await writeSplit(join(dir, runFiles.split), {
        root,
        classNames: classes.map(({ name }) => name),
        train: items,
        calibration:
          spec.calibration.origin === "left-over" ? spec.calibration.paths.map((path) => labelled(spec, path)) : [],
        shots: settings.shots,
        seed: spec.drawSeed,
      });
      await startRunFolder(dir, config, classes);
    }
    const loss =
      learner.variables.length > 0
        ? await trainSteps(spec, learner, { workshop, clip, signal, onProgress })
        : undefined;
    const classFeatures = await encodeClasses(learner, clip.text, { signal });
    ensureFiniteClasses(
      classFeatures,
      classes.map(({ name }) => name),
    );
    await writePrompt(dir, learner);
    await writeClassFeatures(dir, classFeatures);
    const detector = await calibrate(spec, classFeatures, { workshop, clip, signal, onProgress });
    await writeJson(join(dir, runFiles.detector), detector);
    await rm(join(dir, runFiles.checkpoint), { force: true });
    return { dir, classFeatures, detector, loss };
  } finally {
    learner.dispose();
  }
}

// Left-over pictures keep their class in the split: their folder says it.
function labelled({ root, classes }: TrainSpec, path: string): Item {
  const folder = path.slice(root.length + 1).split(/[\\/]/)[0];
  return {
    path,
    label: Math.max(
      0,
      classes.findIndex((entry) => entry.folder === folder),
    ),
  };
}

async function trainSteps(
  spec: TrainSpec,
  learner: Learner,
  { workshop, clip, signal, onProgress }: Surroundings,
): Promise<number | undefined> {
  const { dir, config, items } = spec;
  const { settings } = config;
  const local = needsLocal(config);
  const labels = items.map(({ label }) => label);
  const views =
    settings.views === 0
      ? undefined
      : spec.features
        ? viewsInMemory(spec.features)
        : await cachedViews(spec, { workshop, clip, signal, onProgress });
  const stepsPerEpoch = countBatches(items.length, { size: settings.batchSize });
  const total = stepsPerEpoch * settings.epochs;
  const saved = spec.resume ? await readFile(join(dir, runFiles.checkpoint)).catch(() => undefined) : undefined;
  const resume = saved && readCheckpoint(saved);
  const lines = resume
    ? (await readFile(join(dir, runFiles.metrics), "utf8"))
        .split("\n")
        .slice(0, resume.epoch * stepsPerEpoch + resume.step)
    : [];

  async function* batchesOf(epoch: number, firstBatch: number): AsyncGenerator<TrainingBatch> {
    const load = (_: Item, index: number): number => index;
    const order = batches(items, { size: settings.batchSize, seed: settings.seed, epoch, firstBatch, load, signal });
    const encode = async (indices: readonly number[], step: number): Promise<ImageFeatures> => {
      if (views)
        return views.take(
          indices.map((index) => pickView(config, epoch, index) * items.length + index),
          { local },
        );
      const features = await workshop.encode(
        indices.map((index) => viewRequest(config, items[index]!, index, epoch)),
        { local, signal },
      );
      ensureFiniteFeatures(features, (row) => {
        const { path, label } = items[indices[row]!]!;
        return `${path} (class "${spec.classes[label]!.name}", epoch ${epoch}, step ${step})`;
      });
      return features;
    };
    // The next batch is being encoded while this one is trained on.
    let ahead: { indices: readonly number[]; features: Promise<ImageFeatures> } | undefined;
    let step = firstBatch;
    for await (const { indices } of order) {
      const next = { indices, features: encode(indices, step++) };
      next.features.catch(() => {}); // thrown when its turn comes
      if (ahead) yield batchOf(ahead.indices, await ahead.features);
      ahead = next;
    }
    if (ahead) yield batchOf(ahead.indices, await ahead.features);
  }
  const batchOf = (indices: readonly number[], rows: ImageFeatures): TrainingBatch => ({
    features: rows,
    labels: Int32Array.from(indices, (index) => labels[index]!),
  });

  let last = lines.length > 0 ? (JSON.parse(lines.at(-1)!) as { loss: number }).loss : undefined;
  const steps = fit({
    learner,
    text: clip.text,
    logitScale: clip.logitScale,
    batches: batchesOf,
    stepsPerEpoch,
    loss:
      settings.loss === "learner"
        ? undefined
        : locoopLoss({ lambda: settings.lambda, topK: settings.topK, classes: spec.classes.length }),
    epochs: settings.epochs,
    optimizer: { learningRate: settings.learningRate, momentum: settings.momentum, weightDecay: settings.weightDecay },
    schedule: { warmupEpochs: settings.warmupEpochs, warmupLearningRate: settings.warmupLearningRate },
    classNames: spec.classes.map(({ name }) => name),
    signal,
    resume,
  });
  for await (const step of steps) {
    lines.push(
      JSON.stringify({
        epoch: step.epoch,
        step: step.step,
        learningRate: step.learningRate,
        loss: step.loss,
        ...step.parts,
      }),
    );
    last = step.loss;
    onProgress?.({ stage: "train", done: step.epoch * stepsPerEpoch + step.step + 1, total, loss: step.loss });
    if (step.step === stepsPerEpoch - 1) {
      // Metrics first: a checkpoint never knows of a step that they lack.
      await writeWhole(join(dir, runFiles.metrics), `${lines.join("\n")}\n`);
      await writeWhole(join(dir, runFiles.checkpoint), writeCheckpoint(await step.checkpoint()));
    }
  }
  return last;
}

/** The cache of a run's views, filled where it is not. */
export async function cachedViews(
  { dir, config, classes, items, cache }: TrainSpec,
  { workshop, clip, signal, onProgress }: Surroundings,
): Promise<Views> {
  const { dir: place, local } = cache ?? { dir: join(dir, runFiles.cache), local: needsLocal(config) };
  const { embedDim, imageSize, vision } = clip.config;
  const requests = viewRequests(config, items);
  const total = requests.length;
  let last = 0;
  return openViewCache({
    dir: place,
    parts: viewParts(config, { local }),
    requests,
    embedDim,
    regions: local ? Math.floor(imageSize / vision.patchSize) ** 2 : 0,
    encode: (part, options) => workshop.encode(part, { local, ...options }),
    describe: (row) => {
      const { path, label } = items[row % items.length]!;
      return `${path} (class "${classes[label]!.name}")`;
    },
    // Two at once: while the last pictures of one shard are in the works, those of the next are on their way.
    parallel: workshop.threads > 1 ? 2 + Math.floor(workshop.threads / 8) : 1,
    signal,
    onProgress: (done) => onProgress?.({ stage: "encode", done: (last = done), total }),
    onNotice: (notice) => onProgress?.({ stage: "encode", done: last, total, notice }),
  });
}

/** Which cached view a picture shows in an epoch. */
function pickView({ settings }: RunConfig, epoch: number, index: number): number {
  return createRandom(`view/${settings.seed}/${epoch}/${index}`).integer(settings.views);
}

async function writePrompt(dir: string, learner: Learner): Promise<void> {
  const variables: Record<string, Floats> = {};
  for (const variable of learner.variables)
    variables[variableName(variable)] = { data: (await variable.data()) as Float32Array, shape: variable.shape };
  await writeWhole(
    join(dir, runFiles.prompt),
    writeSafetensors(variables, { learner: learner.name, options: JSON.stringify(learner.options) }),
  );
}

const NOTES: Record<CalibrationOrigin, string> = {
  folder: "calibrated on a folder of in-distribution pictures",
  "left-over": "calibrated on in-distribution pictures that the few-shot draw left over",
  shots:
    "calibrated on the training shots themselves, for want of other pictures: the threshold is optimistic, and fewer than 95 % of new in-distribution pictures will pass; give --calibration DIR",
};

/** Thresholds that 95 % of the calibration pictures pass. */
async function calibrate(
  spec: TrainSpec,
  classFeatures: Floats,
  { workshop, clip, signal, onProgress }: Surroundings,
): Promise<DetectorFile> {
  const { origin, source, paths } = spec.calibration;
  const choices = spec.config.scores;
  const scores = await loadScores(choices);
  const { features } = spec.calibration;
  const scored: ScoredPicture[] = features
    ? (await judgeFeatures(features, [classFeatures], { scores, logitScale: clip.logitScale }))[0]!.map(
        (judgement, i) => ({
          path: paths[i]!,
          judgements: [judgement],
        }),
      )
    : await workshop.score(paths, {
        classFeatures: [classFeatures],
        scores: choices,
        signal,
        onProgress: (done) => onProgress?.({ stage: "calibrate", done, total: paths.length }),
      });
  const good = scored.filter(({ error }) => error === undefined);
  if (good.length === 0) throw new Error(unreadableCalibration(paths.length, source));
  const tpr = 0.95;
  const thresholds = Object.fromEntries(
    scores.map((score, i) => [
      score.name,
      {
        choice: choices[i]!,
        threshold: thresholdAtTpr(
          Float64Array.from(good, ({ judgements }) => judgements[0]!.scores[i]!),
          { tpr },
        ),
      },
    ]),
  );
  return {
    version: 1,
    score: scores[0]!.name,
    tpr,
    thresholds,
    origin,
    source,
    pictures: good.length,
    unreadable: scored.filter(({ error }) => error !== undefined).map(({ path }) => path),
    note: NOTES[origin],
  };
}

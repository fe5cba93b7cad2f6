import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clip, Floats, ImageFeatures } from "@locoop/clip";
import type { Item } from "@locoop/datasets";
import { countBatches, writeSplit } from "@locoop/datasets";
import type { Learner, TrainingBatch } from "@locoop/prompt-learning";
import {
  crossEntropyLoss,
  encodeClasses,
  fit,
  learnerContext,
  readCheckpoint,
  writeCheckpoint,
} from "@locoop/prompt-learning";
import { locoopLoss } from "../loss.js";
import { promptBytes } from "../prompt-file.js";
import { trainingBatches } from "../training-batches.js";
import { exists, inFile, removeLeftovers, writeJson, writeWhole } from "./files.js";
import { ensureFiniteClasses } from "./finite.js";
import { type AnyLearner, loadLearner } from "./plugins.js";
import type { CalibrationOrigin, DetectorFile, RunClass, RunConfig } from "./run-folder.js";
import { checkResumable, readRun, runFiles, runState, startRunFolder, writeClassFeatures } from "./run-folder.js";
import { calibrateRun } from "./thresholds.js";
import { withAccuracy } from "./training-accuracy.js";
import { keepStage } from "./training-history.js";
import { openBatchFeatures } from "./training-views.js";
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

/** What a run is trained with. */
export interface TrainSurroundings {
  readonly workshop: Workshop;
  readonly clip: Clip;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainProgress) => void;
}

/** Makes a learner for the classes of a run; the caller disposes it. */
export function createLearner(
  definition: AnyLearner,
  options: Readonly<Record<string, unknown>>,
  { clip, classes, seed }: { clip: Clip; classes: readonly RunClass[]; seed: number },
): Learner {
  return definition.create(learnerContext(clip, { classNames: classes.map(({ name }) => name), seed }), options);
}

/** Trains one run into its folder, or goes on with it: learner, epochs with a checkpoint each, class features, threshold. */
export async function trainRun(
  spec: TrainSpec,
  { workshop, clip, signal, onProgress }: TrainSurroundings,
): Promise<TrainedRun> {
  const { dir, config, classes, items, root } = spec;
  const { settings } = config;
  const definition = await loadLearner(settings.learner);
  const learner = createLearner(definition, settings.learnerOptions, { clip, classes, seed: settings.seed });
  try {
    const resuming = spec.resume && (await exists(join(dir, runFiles.config)));
    if (resuming) {
      await removeLeftovers(dir);
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
    await writeWhole(join(dir, runFiles.prompt), await promptBytes(learner));
    await writeClassFeatures(dir, classFeatures);
    const detector = await calibrateRun(spec, classFeatures, { workshop, clip, signal, onProgress });
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
  { workshop, clip, signal, onProgress }: TrainSurroundings,
): Promise<number | undefined> {
  const { dir, config, items } = spec;
  const { settings } = config;
  const labels = items.map(({ label }) => label);
  const featuresOf = await openBatchFeatures(spec, { workshop, clip, signal, onProgress });
  const stepsPerEpoch = countBatches(items.length, { size: settings.batchSize });
  const total = stepsPerEpoch * settings.epochs;
  const checkpoint = join(dir, runFiles.checkpoint);
  const saved = spec.resume ? await readFile(checkpoint).catch(() => undefined) : undefined;
  const resume = saved && inFile(checkpoint, () => readCheckpoint(saved));
  const lines = resume
    ? (await readFile(join(dir, runFiles.metrics), "utf8"))
        .split("\n")
        .slice(0, resume.epoch * stepsPerEpoch + resume.step)
    : [];

  const batchesOf = (epoch: number, firstBatch: number): AsyncIterable<TrainingBatch> =>
    trainingBatches({
      labels,
      featuresOf,
      batchSize: settings.batchSize,
      seed: settings.seed,
      epoch,
      firstBatch,
      signal,
    });

  let last = lines.length > 0 ? (JSON.parse(lines.at(-1)!) as { loss: number }).loss : undefined;
  const steps = fit({
    learner,
    text: clip.text,
    similarity: clip.similarity,
    logitScale: clip.logitScale,
    batches: batchesOf,
    stepsPerEpoch,
    loss: withAccuracy(
      settings.loss === "learner"
        ? (learner.loss ?? crossEntropyLoss)
        : locoopLoss({ lambda: settings.lambda, topK: settings.topK, classes: spec.classes.length }),
    ),
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
      await writeWhole(checkpoint, writeCheckpoint(await step.checkpoint()));
      await keepStage(dir, { epoch: step.epoch + 1, epochs: settings.epochs, learner });
    }
  }
  return last;
}

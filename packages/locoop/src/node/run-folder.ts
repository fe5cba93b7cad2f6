import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Floats } from "@locoop/clip";
import { readSafetensors, writeSafetensors } from "@locoop/clip";
import type { EngineDescription } from "./engine.js";
import { ensureFolder, exists, inFile, readJson, writeJson, writeWhole } from "./files.js";

/** Where a threshold was calibrated: on a folder of pictures, on those that the few-shot draw left over, or on the shots themselves. */
export type CalibrationOrigin = "folder" | "left-over" | "shots";

/** Everything that was asked for, resolved; all of it decides the bits of a run. */
export interface RunSettings {
  readonly method: string;
  readonly shots: number;
  readonly seed: number;
  readonly learner: string;
  readonly learnerOptions: Readonly<Record<string, unknown>>;
  /** "locoop", or "learner": the one that the learner brings, if it brings one. */
  readonly loss: "locoop" | "learner";
  readonly lambda: number;
  readonly topK: number;
  /** 0 = every epoch augments and encodes anew; n = n augmentations of each picture, encoded once. */
  readonly views: number;
  /** What the features of views are rounded to; a run without views has none to round, nor one made before they were rounded. */
  readonly viewPrecision?: "float16";
  readonly crop: readonly [number, number];
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly warmupEpochs: number;
  readonly warmupLearningRate: number;
}

/** `config.json` of a run folder. */
export interface RunConfig {
  readonly version: 1;
  readonly created: string;
  readonly settings: RunSettings;
  /** The weights, and as it was used what they do not hold themselves; a run made before that was recorded lacks it. */
  readonly model: {
    readonly weights: string;
    readonly sha256: string;
    readonly activation?: "quick_gelu" | "gelu";
    readonly mean?: readonly [number, number, number];
    readonly std?: readonly [number, number, number];
  };
  readonly engine: EngineDescription;
  readonly machine: { readonly arch: string; readonly platform: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly chunking: Readonly<Record<string, number>>;
  readonly data: {
    readonly root: string;
    readonly layout: string;
    readonly classes: number;
    readonly pictures: number;
    readonly sha256: string;
  };
  readonly scores: readonly string[];
  /** SHA-256 of the modules that a learner or a score came from, by their paths; what these import is not hashed. */
  readonly plugins: Readonly<Record<string, string>>;
  /** The pictures for the threshold: their origin, and the SHA-256 of the list of their paths. */
  readonly calibration: { readonly origin: CalibrationOrigin; readonly sha256: string };
  readonly notices: readonly string[];
}

/** `detector.json` of a run folder: thresholds at 95 % TPR and where they come from. */
export interface DetectorFile {
  readonly version: 1;
  /** Name of the score that `detect` takes unless told otherwise. */
  readonly score: string;
  readonly tpr: number;
  readonly thresholds: Readonly<Record<string, { readonly choice: string; readonly threshold: number }>>;
  readonly origin: CalibrationOrigin;
  readonly source: string;
  readonly pictures: number;
  readonly unreadable: readonly string[];
  readonly note: string;
}

/** One class of a run: the name in the prompt and the folder it came from. */
export interface RunClass {
  readonly name: string;
  readonly folder: string;
}

/** A finished run, read back. */
export interface Run {
  readonly dir: string;
  readonly config: RunConfig;
  readonly classes: readonly RunClass[];
  readonly classNames: readonly string[];
  readonly detector: DetectorFile;
  /** Not normalised, [C,E]. */
  readonly classFeatures: Floats;
}

export const runFiles = {
  config: "config.json",
  classes: "classnames.json",
  split: "split.json",
  metrics: "metrics.jsonl",
  checkpoint: "checkpoint.safetensors",
  prompt: "prompt.safetensors",
  classFeatures: "class-features.safetensors",
  detector: "detector.json",
  /** A folder: the learner's variables after some epochs, for reports; nothing else needs it. */
  history: "history",
  /** A folder: features of the views, if there are any; nothing but another training needs it. */
  cache: "cache",
} as const;

/** Whether a folder holds a run, and whether that run came to its end. */
export async function runState(dir: string): Promise<"none" | "unfinished" | "finished"> {
  if (await exists(join(dir, runFiles.detector))) return "finished";
  return (await exists(join(dir, runFiles.config))) ? "unfinished" : "none";
}

/**
 * Reads a finished run from its folder; nothing in it is executed.
 *
 * @throws if the folder holds no run, an unfinished or a damaged one
 * @example
 * ```ts
 * import { readRun } from "locoop/node";
 *
 * const error: unknown = await readRun("no-run").catch((reason: unknown) => reason);
 * console.log(error instanceof Error && error.message); // → run: no such folder: no-run; check the path
 * ```
 */
export async function readRun(dir: string): Promise<Run> {
  await ensureFolder(dir, "run");
  const state = await runState(dir);
  if (state === "none")
    throw new Error(`run: ${dir} holds no ${runFiles.config}; name a folder that "locoop train" wrote`);
  if (state === "unfinished")
    throw new Error(`run: the training in ${dir} did not come to its end; repeat its command with --resume`);
  const [config, classes, detector, bytes] = await Promise.all([
    readJson<RunConfig>(join(dir, runFiles.config), "run"),
    readJson<RunClass[]>(join(dir, runFiles.classes), "run"),
    readJson<DetectorFile>(join(dir, runFiles.detector), "run"),
    readFile(join(dir, runFiles.classFeatures)),
  ]);
  if (config.version !== 1)
    throw new Error(
      `run: ${dir} is of format ${String(config.version)}, this version reads format 1; use the version that wrote it`,
    );
  const features = inFile(join(dir, runFiles.classFeatures), () => readSafetensors(bytes)).tensors.get("features");
  if (!features || !(features.data instanceof Float32Array) || features.shape[0] !== classes.length)
    throw new Error(
      `run: ${join(dir, runFiles.classFeatures)} does not hold features of the run's ${classes.length} classes; it was damaged or changed`,
    );
  return {
    dir,
    config,
    classes,
    classNames: classes.map(({ name }) => name),
    detector,
    classFeatures: { data: features.data, shape: features.shape },
  };
}

/** Writes what is known before the first step. */
export async function startRunFolder(dir: string, config: RunConfig, classes: readonly RunClass[]): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeJson(join(dir, runFiles.classes), classes);
  await writeJson(join(dir, runFiles.config), config);
}

/** Writes class features [C,E]. */
export async function writeClassFeatures(dir: string, features: Floats): Promise<void> {
  await writeWhole(join(dir, runFiles.classFeatures), writeSafetensors({ features }));
}

/** What decides the bits of a run, its thresholds included, as one flat record. */
export function decisiveParts(config: RunConfig, classes: readonly RunClass[]): Record<string, string> {
  const { settings, model, engine, machine, versions, chunking, data, scores, plugins, calibration } = config;
  const flat: Record<string, string> = {};
  const add = (prefix: string, value: unknown): void => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) add(`${prefix}.${key}`, inner);
    } else if (value !== undefined) flat[prefix] = JSON.stringify(value);
  };
  add("settings", settings);
  add("weights", { sha256: model.sha256, activation: model.activation, mean: model.mean, std: model.std });
  add("engine", engine);
  add("machine", { arch: machine.arch });
  add("versions", Object.fromEntries(Object.entries(versions).filter(([name]) => name !== "node")));
  add("chunking", chunking);
  add("pictures", data.sha256);
  add("scores", scores);
  add("plugins", plugins);
  add("calibration", calibration);
  add(
    "classes",
    classes.map(({ name }) => name),
  );
  return flat;
}

/** Refuses to go on with a run whose bits would change. */
export async function checkResumable(dir: string, config: RunConfig, classes: readonly RunClass[]): Promise<void> {
  const then = decisiveParts(
    await readJson(join(dir, runFiles.config), "resume"),
    await readJson(join(dir, runFiles.classes), "resume"),
  );
  const now = decisiveParts(config, classes);
  for (const key of new Set([...Object.keys(then), ...Object.keys(now)])) {
    if (then[key] === now[key]) continue;
    const show = (value: string | undefined): string =>
      value === undefined ? "not set" : value.length > 80 ? `${value.slice(0, 77)}...` : value;
    throw new Error(
      `cannot resume ${dir}: ${key} was ${show(then[key])} and is now ${show(now[key])}, which changes the result; restore it, or start anew with another --out`,
    );
  }
}

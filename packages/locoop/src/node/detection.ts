import type { Floats } from "@locoop/clip";
import type { Run } from "./run-folder.js";
import { UsageError } from "./errors.js";
import { sha256OfWeights } from "./weights-name.js";
import type { JobOptions, Workshop } from "./workshop.js";
import type { EngineChoice } from "./engine.js";
import type { ModelSpec } from "./model.js";
import { isModulePath, loadScore, resolveChoice, type ScoreChoice } from "./plugins.js";

/** One picture's verdict. */
export interface FileDetection {
  readonly path: string;
  /** Set if the picture could not be read; the other fields are then missing. */
  readonly error?: string;
  readonly className?: string;
  readonly label?: number;
  readonly confidence?: number;
  readonly score?: number;
  readonly isId?: boolean;
}

/** Checks that the weights at a path are those that a run was trained with. */
export async function checkWeights(run: Run, weights: string): Promise<void> {
  if ((await sha256OfWeights(weights)) !== run.config.model.sha256)
    throw new Error(
      `weights: ${weights} are not those that ${run.dir} was trained with (their SHA-256 differs); give the same file with --weights`,
    );
}

/** The model of a run as it was used in training, wherever its weights are now. */
export function modelOf({ config }: Run, { weights, engine }: { weights: string; engine: EngineChoice }): ModelSpec {
  const { activation, mean, std } = config.model;
  return { weights, engine, activation, mean, std };
}

/**
 * The calibrated score of a run: by name, by the path of the user's own module, by default the run's first. A module that only the
 * run names is never loaded: a run folder may come from anyone, and a module is code.
 */
export async function thresholdOf(
  run: Run,
  score = run.detector.score,
): Promise<{ name: string; choice: ScoreChoice; threshold: number }> {
  const { thresholds } = run.detector;
  const own = isModulePath(score);
  const name = own ? (await loadScore(score)).name : score;
  const found = Object.hasOwn(thresholds, name) ? thresholds[name] : undefined;
  if (!found)
    throw new UsageError(
      `score must be one that the run calibrated (${Object.keys(thresholds).join(", ")}), got "${name}"${own ? ` of ${score}` : ""}`,
    );
  if (own) return { name, choice: resolveChoice(score), threshold: found.threshold };
  if (isModulePath(found.choice))
    throw new UsageError(
      `score "${name}" of ${run.dir} is the code of a file, ${found.choice}, and a run's code is not run unasked; if you trust that file, name it: --score ${found.choice}`,
    );
  return { name, choice: found.choice, threshold: found.threshold };
}

/** Who does the work of `detectFiles`, and by which score. */
export interface DetectFilesOptions extends JobOptions {
  /** A workshop with the run's weights. */
  readonly workshop: Workshop;
  /** One of the scores that the run calibrated, by name or by the path of a module of yours; by default its first. */
  readonly score?: string;
}

/**
 * Judges picture files by a run: the class, or none of them. A picture that cannot be read has `error` instead of a verdict.
 *
 * @throws UsageError for a score that the run did not calibrate
 * @example
 * ```ts
 * import { createWorkshop, detectFiles, resolveEngine, type Run } from "locoop/node";
 *
 * // const found = await judge(await readRun("my-run"), ["a.jpg", "b.jpg"]);
 * async function judge(run: Run, paths: string[]) {
 *   const { engine, threads } = await resolveEngine();
 *   const workshop = createWorkshop({ model: { weights: run.config.model.weights, engine }, threads });
 *   const found = await detectFiles(run, paths, { workshop });
 *   await workshop.dispose();
 *   return found.map(({ path, className, isId }) => `${path}: ${isId ? className : "none of these"}`);
 * }
 * console.log(typeof judge);
 * ```
 */
export async function detectFiles(
  run: Run,
  paths: readonly string[],
  { workshop, score, signal, onProgress }: DetectFilesOptions,
): Promise<FileDetection[]> {
  const { choice, threshold } = await thresholdOf(run, score);
  return judgeFiles({ ...run, choice, threshold }, paths, { workshop, signal, onProgress });
}

/** What decides whether a picture is one of the classes. */
export interface Verdict {
  readonly classNames: readonly string[];
  /** [C,E] */
  readonly classFeatures: Floats;
  readonly choice: ScoreChoice;
  readonly threshold: number;
}

/** Judges picture files as `detectFiles` does, by a threshold of any origin. */
export async function judgeFiles(
  { classNames, classFeatures, choice, threshold }: Verdict,
  paths: readonly string[],
  { workshop, ...options }: JobOptions & { readonly workshop: Workshop },
): Promise<FileDetection[]> {
  const scored = await workshop.score(paths, { classFeatures: [classFeatures], scores: [choice], ...options });
  return scored.map(({ path, error, judgements: [judged] }) => {
    if (!judged) return { path, error: error ?? "unreadable" };
    const value = judged.scores[0]!;
    return {
      path,
      className: classNames[judged.prediction]!,
      label: judged.prediction,
      confidence: judged.confidence,
      score: value,
      isId: value >= threshold,
    };
  });
}

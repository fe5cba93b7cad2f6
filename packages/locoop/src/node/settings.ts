import { defaultTopK } from "../default-top-k.js";
import { trainingDefaults } from "../training-defaults.js";
import { UsageError } from "./errors.js";
import { type AnyLearner, resolveChoice } from "./plugins.js";
import type { RunSettings } from "./run-folder.js";
import type { TrainOptions } from "./training.js";

/** Refuses numbers out of range. */
export function checkNumbers({
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

/** A learner's options with its defaults; an unknown one is refused. */
export function resolveLearnerOptions(
  { name, defaults }: AnyLearner,
  options: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const unknown = Object.keys(options).filter((key) => !Object.hasOwn(defaults as object, key));
  if (unknown.length > 0)
    throw new UsageError(
      `learner ${name} has no option ${unknown.join(", ")}; its options are ${Object.keys(defaults as object).join(", ") || "none"}`,
    );
  return { ...(defaults as object), ...options };
}

/** Every setting of one run, resolved. */
export function resolveSettings(
  options: TrainOptions,
  { definition, classes, shots, seed }: { definition: AnyLearner; classes: number; shots: number; seed: number },
): RunSettings {
  const choice = resolveChoice(options.learner ?? "coop");
  const {
    views = 0,
    crop = trainingDefaults.crop,
    epochs = trainingDefaults.epochs,
    batchSize = trainingDefaults.batchSize,
    learningRate = trainingDefaults.learningRate,
    lambda = trainingDefaults.lambda,
  } = options;
  // A learner from outside may bring its own loss; it is used unless lambda or K is asked for.
  const own = choice !== definition.name && options.lambda === undefined && options.topK === undefined;
  return {
    method: methodOf(definition.name, lambda),
    shots,
    seed,
    learner: choice,
    learnerOptions: resolveLearnerOptions(definition, options.learnerOptions),
    loss: own ? "learner" : "locoop",
    lambda,
    topK: options.topK ?? defaultTopK(classes),
    views,
    ...(views > 0 && { viewPrecision: "float16" as const }),
    crop: [crop[0], crop[1]],
    epochs,
    batchSize,
    learningRate,
    momentum: trainingDefaults.momentum,
    weightDecay: trainingDefaults.weightDecay,
    warmupEpochs: trainingDefaults.warmupEpochs,
    warmupLearningRate: trainingDefaults.warmupLearningRate,
  };
}

function methodOf(learner: string, lambda: number): string {
  if (learner === "template") return "zero-shot";
  if (learner === "coop") return lambda > 0 ? "LoCoOp" : "CoOp";
  return learner;
}

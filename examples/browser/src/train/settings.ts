import { defaultTopK, trainingDefaults } from "locoop";
import type { TrainRequest } from "../messages.js";

/** What can be set of a training; empty fields take the defaults. */
export interface TrainSettings {
  readonly shots: string;
  readonly seed: string;
  readonly epochs: string;
  readonly lambda: string;
  readonly topK: string;
  readonly learningRate: string;
  readonly batchSize: string;
  readonly contexts: string;
}

export const emptySettings: TrainSettings = {
  shots: "",
  seed: "",
  epochs: "",
  lambda: "",
  topK: "",
  learningRate: "",
  batchSize: "",
  contexts: "",
};

interface Field {
  readonly label: string;
  readonly least: number;
  readonly whole: boolean;
  readonly more?: boolean;
}

/** The fields, in their order on the page. */
export const fields: Readonly<Record<keyof TrainSettings, Field>> = {
  shots: { label: "Pictures of a class to train on", least: 1, whole: true },
  seed: { label: "Seed", least: 0, whole: true },
  epochs: { label: "Epochs", least: 1, whole: true },
  lambda: { label: "Weight of the regions, λ (0 is CoOp)", least: 0, whole: false },
  topK: { label: "K, classes that a region may be like", least: 1, whole: true, more: true },
  learningRate: { label: "Learning rate", least: 1e-9, whole: false, more: true },
  batchSize: { label: "Batch size", least: 1, whole: true, more: true },
  contexts: { label: "Context vectors", least: 1, whole: true, more: true },
};

/** The defaults for some classes with so many pictures each: a third of the smallest class is held out for the threshold. */
export function defaultsFor(counts: readonly number[]): Readonly<Record<keyof TrainSettings, number>> {
  const smallest = counts.length > 0 ? Math.min(...counts) : 0;
  const shots = smallest < 3 ? Math.max(1, smallest) : Math.ceil((2 * smallest) / 3);
  return {
    shots: Math.min(trainingDefaults.shots, shots),
    seed: trainingDefaults.seed,
    epochs: trainingDefaults.epochs,
    lambda: trainingDefaults.lambda,
    topK: defaultTopK(Math.max(1, counts.length)),
    learningRate: trainingDefaults.learningRate,
    batchSize: trainingDefaults.batchSize,
    contexts: 16,
  };
}

/** The numbers that the fields mean; throws a sentence for one that is none. */
export function readSettings(
  settings: TrainSettings,
  counts: readonly number[],
): Omit<TrainRequest, "classNames" | "pictures" | "resume"> {
  const defaults = defaultsFor(counts);
  const entries = Object.entries(fields).map(([key, { label, least, whole }]) => {
    const name = key as keyof TrainSettings;
    const text = settings[name].trim().replace(",", ".");
    const value = text === "" ? defaults[name] : Number(text);
    if (!Number.isFinite(value) || value < least || (whole && !Number.isSafeInteger(value)))
      throw new Error(
        `“${label}” must be a ${whole ? "whole " : ""}number of ${least} or more, not “${settings[name]}”.`,
      );
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as unknown as ReturnType<typeof readSettings>;
}

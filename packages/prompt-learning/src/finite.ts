import type { Floats } from "@locoop/clip";
import type { TrainingBatch } from "./gradient.js";

/** A step: where it is in the training, and what the classes are called if that is known. */
interface StepPlace {
  readonly epoch: number;
  readonly step: number;
  readonly rate: number;
  readonly classNames?: readonly string[];
  readonly batch: TrainingBatch;
}

/** Looks at what a step computes, as it is there, and throws where a number is not finite. */
export interface StepChecks {
  /** Before the loss: class features [C,E]. */
  classFeatures(features: Floats): void;
  /** Before the way back through the text tower: the loss, and its gradient for the class features [C,E]. */
  loss(value: number, gradient: Floats): void;
  /** Before the learner has them: its variables' next values. */
  variables(values: Readonly<Record<string, Floats>>): void;
}

/** The checks of one step. They name epoch, step, and the picture, class or variable that a number belongs to. */
export function createStepChecks({ epoch, step, rate, classNames, batch }: StepPlace): StepChecks {
  const nameClass = (index: number): string => (classNames ? `class "${classNames[index]}"` : `class ${index}`);
  const fail = (what: string, advice: string): never => {
    throw new Error(
      `Training left the finite numbers at epoch ${epoch}, step ${step} (learning rate ${rate}): ${what}. ` +
        `The variables keep the values of the step before; ${advice}.`,
    );
  };
  const lower =
    epoch === 0 && step === 0
      ? "it is the first step, so check the model's weights, which may be damaged"
      : "lower the learning rate, or check the model's weights if it is low already";
  const checkPictures = ({ global, local }: TrainingBatch["features"]): void => {
    const bad = findNotFinite(global) ?? (local && findNotFinite(local));
    if (bad)
      fail(
        `the features of picture ${bad.row} of the batch (${nameClass(batch.labels[bad.row]!)}) hold ${bad.value}`,
        "check the model's weights, which may be damaged",
      );
  };
  return {
    classFeatures(features) {
      checkPictures({ global: batch.features.global });
      const bad = findNotFinite(features);
      if (bad) fail(`the features of ${nameClass(bad.row)} hold ${bad.value}`, lower);
    },
    loss(value, gradient) {
      if (!Number.isFinite(value)) {
        checkPictures(batch.features); // regions are many: they are looked at only when something is wrong
        fail(`the loss is ${value}`, lower);
      }
      const bad = findNotFinite(gradient);
      if (bad) fail(`the gradient of the loss for ${nameClass(bad.row)} holds ${bad.value}`, lower);
    },
    variables(values) {
      for (const [name, floats] of Object.entries(values)) {
        const bad = findNotFinite(floats);
        if (bad) fail(`the variable "${name}" would become ${bad.value}`, lower);
      }
    },
  };
}

/** The first number that is not finite, and the row of [R,...] that it is in. */
function findNotFinite({ data, shape }: Floats): { row: number; value: number } | undefined {
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue;
    return { row: Math.floor((i * (shape[0] ?? 1)) / data.length), value: data[i]! };
  }
  return undefined;
}

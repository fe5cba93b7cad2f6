import { readSafetensors, writeSafetensors, type Floats } from "@locoop/clip";
import * as tf from "@tensorflow/tfjs";
import { variableName, type Learner } from "./learner.js";

/** Settings of a training run that decide its numbers; a run resumes under the same ones only. */
export interface FitSettings {
  readonly epochs: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly warmupEpochs: number;
  readonly warmupLearningRate: number;
}

/** A learner's state between two steps of training: enough to go on to the same bits. */
export interface Checkpoint {
  /** Name of the learner. */
  readonly learner: string;
  /** Options it was made with; empty if unknown (a checkpoint of another program). */
  readonly options: Readonly<Record<string, unknown>>;
  /** Epoch under way, from 0. */
  readonly epoch: number;
  /** Steps of that epoch that are done. */
  readonly step: number;
  readonly settings?: FitSettings;
  readonly variables: Readonly<Record<string, Floats>>;
  /** The optimiser's velocity for each variable; empty: start from rest. */
  readonly velocity: Readonly<Record<string, Floats>>;
}

const format = "locoop-prompt-1";

/**
 * Writes a checkpoint as safetensors: tensors `variables.<name>` and `velocity.<name>` in float32, the rest as JSON in the metadata.
 *
 * @example
 * ```ts
 * import { readCheckpoint, writeCheckpoint } from "@locoop/prompt-learning";
 *
 * const contexts = { data: new Float32Array(8), shape: [2, 4] };
 * const bytes = writeCheckpoint({ learner: "coop", options: { contexts: 2 }, epoch: 49, step: 500, variables: { contexts }, velocity: {} });
 * console.log(readCheckpoint(bytes).variables.contexts?.shape); // → 2,4
 * ```
 */
export function writeCheckpoint({ variables, velocity, ...rest }: Checkpoint): Uint8Array {
  const tensors: Record<string, Floats> = {};
  for (const [name, floats] of Object.entries(variables)) tensors[`variables.${name}`] = floats;
  for (const [name, floats] of Object.entries(velocity)) tensors[`velocity.${name}`] = floats;
  return writeSafetensors(tensors, { format, checkpoint: JSON.stringify(rest) });
}

/**
 * Reads what `writeCheckpoint` wrote.
 *
 * @throws if the bytes are not safetensors, or not a checkpoint of this package.
 * @example
 * ```ts
 * import { readCheckpoint, writeCheckpoint } from "@locoop/prompt-learning";
 *
 * const empty = { learner: "template", options: {}, epoch: 0, step: 0, variables: {}, velocity: {} };
 * console.log(readCheckpoint(writeCheckpoint(empty)).learner); // → template
 * ```
 */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata.format !== format) {
    throw new Error(
      `Expected a prompt checkpoint (metadata format "${format}"); got format "${metadata.format ?? "none"}".`,
    );
  }
  const { learner, options, epoch, step, settings } = parseMetadata(metadata.checkpoint);
  const variables: Record<string, Floats> = {};
  const velocity: Record<string, Floats> = {};
  for (const [key, tensor] of tensors) {
    const { data, shape } = tensor;
    const [, group, name] = /^(variables|velocity)\.(.+)$/s.exec(key) ?? [];
    if (!name || !(data instanceof Float32Array)) {
      throw new Error(`Expected float tensors "variables.*" and "velocity.*" in a prompt checkpoint; got "${key}".`);
    }
    (group === "variables" ? variables : velocity)[name] = { data, shape };
  }
  return { learner, options, epoch, step, settings, variables, velocity };
}

function parseMetadata(json: string | undefined): Omit<Checkpoint, "variables" | "velocity"> {
  let value: unknown;
  try {
    value = JSON.parse(json ?? "");
  } catch {
    value = undefined;
  }
  if (
    !isRecord(value) ||
    typeof value.learner !== "string" ||
    !isRecord(value.options) ||
    !isCount(value.epoch) ||
    !isCount(value.step)
  ) {
    throw new Error(
      "The checkpoint's metadata must name learner, options, epoch and step; it was not written by this package, or was damaged.",
    );
  }
  const { learner, options, epoch, step, settings } = value;
  return {
    learner,
    options,
    epoch,
    step,
    settings: isRecord(settings) ? (settings as unknown as FitSettings) : undefined,
  };
}

/**
 * Puts a checkpoint's variables into a learner made with the same options.
 *
 * @throws if learner, options, variable names or shapes differ; the learner is then unchanged.
 * @example
 * ```ts
 * import { coop, restore } from "@locoop/prompt-learning";
 * import { toyContext } from "@locoop/prompt-learning/toy";
 *
 * const context = toyContext({ classNames: ["hen", "tench"] });
 * const learner = coop.create(context, { contexts: 2 });
 * const contexts = { data: new Float32Array(2 * context.width), shape: [2, context.width] };
 * restore(learner, { learner: "coop", options: {}, epoch: 0, step: 0, variables: { contexts }, velocity: {} });
 * learner.dispose();
 * ```
 */
export function restore(learner: Learner, checkpoint: Checkpoint): void {
  if (checkpoint.learner !== learner.name) {
    throw new Error(`The checkpoint is of learner "${checkpoint.learner}"; this one is "${learner.name}".`);
  }
  for (const [key, value] of Object.entries(checkpoint.options)) {
    if (JSON.stringify(value) !== JSON.stringify(learner.options[key])) {
      const [was, is] = [JSON.stringify(value), JSON.stringify(learner.options[key])];
      throw new Error(
        `The checkpoint was made with option ${key} = ${was}; this learner has ${is}. Make it with the same options.`,
      );
    }
  }
  checkTensors(learner, checkpoint);
  for (const variable of learner.variables) {
    const { data, shape } = checkpoint.variables[variableName(variable)]!;
    assign(variable, { data: data.slice(), shape });
  }
}

/** Sets a variable's values, leaving no tensor behind. */
export function assign(variable: tf.Variable, { data, shape }: Floats): void {
  tf.tidy(() => variable.assign(tf.tensor(data, [...shape])));
}

function checkTensors(learner: Learner, { variables, velocity }: Checkpoint): void {
  const names = learner.variables.map(variableName);
  const got = Object.keys(variables);
  if (got.length !== names.length || got.some((name) => !names.includes(name))) {
    throw new Error(
      `Learner "${learner.name}" has the variables ${names.join(", ") || "(none)"}; the checkpoint has ${got.join(", ") || "(none)"}.`,
    );
  }
  for (const variable of learner.variables) {
    const name = variableName(variable);
    const wrong = [variables[name], velocity[name]].find((x) => x && x.shape.join() !== variable.shape.join());
    if (wrong) {
      throw new Error(
        `Variable "${name}" has shape [${variable.shape.join()}]; the checkpoint has [${wrong.shape.join()}]. ` +
          "Use the same model, options and classes.",
      );
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

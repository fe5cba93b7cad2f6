import type { Floats, ImageFeatures, TextTower } from "@locoop/clip";
import * as tf from "@tensorflow/tfjs";
import { encodePrompts } from "./encode-classes.js";
import type { StepChecks } from "./finite.js";
import { variableName, type Learner } from "./learner.js";
import type { Loss } from "./loss.js";
import { takeFloats } from "./prompt-batch.js";

/** B pictures of one step: their features as the image tower gives them (not normalised) and their class indices. */
export interface TrainingBatch {
  readonly features: ImageFeatures;
  readonly labels: Int32Array;
}

/** The loss of one step and its gradient with respect to each of the learner's variables, by name. */
export interface LossGradient {
  readonly loss: number;
  readonly parts: Record<string, number>;
  readonly gradient: Record<string, Floats>;
}

/**
 * Value and gradient of the loss: prompts, text tower, loss, and back. The tower between prompts and loss runs in
 * any engine, so the chain rule is joined by hand: the gradient of the class features goes through the tower's
 * pullback, and what comes back is multiplied with the prompts to reach the variables.
 */
export async function lossGradient(
  { features, labels }: TrainingBatch,
  o: {
    learner: Learner;
    text: TextTower;
    loss: Loss;
    logitScale: number;
    checks: Pick<StepChecks, "classFeatures" | "loss">;
    signal?: AbortSignal;
  },
): Promise<LossGradient> {
  const encoded = await encodePrompts(o.learner, o.text, { gradient: true, signal: o.signal });
  try {
    checkBatch({ features, labels }, encoded.features.shape);
    o.checks.classFeatures(encoded.features);
    const head = await headGradient(encoded.features, { features, labels }, o);
    o.checks.loss(head.loss, { data: head.gradient, shape: encoded.features.shape });
    const back = await encoded.pullback(head.gradient);
    const gradient = await variableGradients(o.learner, back);
    return { loss: head.loss, parts: head.parts, gradient };
  } finally {
    encoded.dispose();
  }
}

/** The loss over the class features [C,E] and its gradient with respect to them. */
async function headGradient(
  classFeatures: Floats,
  { features, labels }: TrainingBatch,
  { loss, logitScale }: { loss: Loss; logitScale: number },
): Promise<{ loss: number; parts: Record<string, number>; gradient: Float32Array }> {
  const { value, grad, parts } = tf.tidy(() => {
    const images = normalize(toTensor(features.global)); // [B, E]
    const regions = features.local && normalize(toTensor(features.local)); // [B, P, E]
    let parts: Record<string, tf.Scalar> = {};
    let failure: { error: unknown } | undefined;
    const { value, grad } = tf.valueAndGrad((classes: tf.Tensor) => {
      const directions = normalize(classes); // [C, E]
      const input = {
        global: cosinesWith(images, directions), // [B, C]
        get local() {
          return regions && regionCosines(regions, directions);
        },
        labels,
        logitScale,
      };
      try {
        const result = loss(input);
        parts = Object.fromEntries(Object.entries(result.parts).map(([name, part]) => [name, tf.keep(part.clone())]));
        return result.total;
      } catch (error) {
        // TensorFlow.js frees what it saved for the way back only if the function returns.
        failure = { error };
        return directions.sum();
      }
    })(toTensor(classFeatures));
    if (failure) throw failure.error;
    return { value, grad, parts };
  });
  // All reads are waited for, even if one fails, so that every tensor is freed.
  const names = Object.keys(parts);
  const [lossRead, gradientRead, ...partReads] = await settle([value, grad, ...names.map((name) => parts[name]!)]);
  return {
    loss: lossRead!.data[0]!,
    gradient: gradientRead!.data,
    parts: Object.fromEntries(names.map((name, i) => [name, partReads[i]!.data[0]!])),
  };
}

/** Gradient of the dot product of the learner's prompts with what the tower's pullback returned. */
async function variableGradients(
  learner: Learner,
  back: { shared: Float32Array; own: Float32Array },
): Promise<Record<string, Floats>> {
  const byName = tf.tidy(() => {
    const dot = (): tf.Scalar => {
      const { shared, own } = learner.prompts();
      const sharedPart = shared.mul(tf.tensor(back.shared, shared.shape)).sum();
      return sharedPart.add(own.mul(tf.tensor(back.own, own.shape)).sum());
    };
    return tf.variableGrads(dot, [...learner.variables]).grads;
  });
  const variables = learner.variables.filter(({ name }) => byName[name]);
  const gradients = await settle(variables.map(({ name }) => byName[name]!));
  return Object.fromEntries(variables.map((variable, i) => [variableName(variable), gradients[i]!]));
}

async function settle(tensors: tf.Tensor[]): Promise<Floats[]> {
  const reads = await Promise.allSettled(tensors.map(takeFloats));
  return reads.map((read) => {
    if (read.status === "rejected") throw read.reason;
    return read.value;
  });
}

function regionCosines(regions: tf.Tensor, directions: tf.Tensor): tf.Tensor3D {
  const [images = 0, places = 0, width = 0] = regions.shape;
  const rows = cosinesWith(regions.reshape([images * places, width]), directions);
  return rows.reshape([images, places, directions.shape[0]!]); // [B, P, C]
}

/**
 * Products of constant rows [R,E] with directions [C,E] as [R,C]; only the directions have a gradient. Transposes are
 * written out: the wasm backend is many times slower at a product with a transpose flag, which tfjs's own gradient has.
 */
function cosinesWith(rows: tf.Tensor, directions: tf.Tensor): tf.Tensor2D {
  const product = tf.customGrad((given) => ({
    value: tf.matMul(rows as tf.Tensor2D, tf.transpose(given as tf.Tensor)),
    gradFunc: (dy: tf.Tensor) => tf.matMul(tf.transpose(dy), rows), // [C, E]
  }));
  return product(directions) as tf.Tensor2D;
}

function normalize(rows: tf.Tensor): tf.Tensor {
  return rows.div(rows.square().sum(-1, true).sqrt());
}

function toTensor({ data, shape }: Floats): tf.Tensor {
  return tf.tensor(data, [...shape]);
}

function checkBatch({ features, labels }: TrainingBatch, [classes = 0, width = 0]: readonly number[]): void {
  const [images = 0, imageWidth = 0] = features.global.shape;
  if (images === 0) throw new Error("A training batch must hold at least one picture; got none.");
  if (imageWidth !== width) {
    throw new Error(
      `Image features have ${imageWidth} dimensions and class features ${width}; take both towers from the same model.`,
    );
  }
  if (labels.length !== images) {
    throw new Error(
      `A training batch needs one label per picture; got ${labels.length} labels for ${images} pictures.`,
    );
  }
  const wrong = labels.find((label) => label < 0 || label >= classes);
  if (wrong !== undefined) throw new Error(`Labels must be class indices from 0 to ${classes - 1}; got ${wrong}.`);
}

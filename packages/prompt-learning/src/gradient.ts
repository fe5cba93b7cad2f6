import type { Compared, Floats, ImageFeatures, Similarity, TextTower } from "@locoop/clip";
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
 * Value and gradient of the loss: prompts, text tower, cosines, loss, and back. Tower and cosines run in any engine, so
 * the chain rule is joined by hand: the gradient of the cosines goes through both pullbacks, and what comes back is
 * multiplied with the prompts to reach the variables.
 */
export async function lossGradient(
  { features, labels }: TrainingBatch,
  o: {
    learner: Learner;
    text: TextTower;
    similarity: Similarity;
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
    const head = await headGradient({ features, labels }, encoded.features, o);
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
  { features, labels }: TrainingBatch,
  classFeatures: Floats,
  { similarity, loss, logitScale }: { similarity: Similarity; loss: Loss; logitScale: number },
): Promise<{ loss: number; parts: Record<string, number>; gradient: Float32Array }> {
  const compared = await similarity.compare(features, classFeatures, { gradient: true });
  try {
    const { value, parts, gradients } = await cosineGradient(compared, { labels, loss, logitScale });
    const [global, local] = gradients as [Float32Array, Float32Array?];
    return { loss: value, parts, gradient: await compared.pullback({ global, local }) };
  } finally {
    compared.dispose();
  }
}

/** The loss over the cosines and its gradient with respect to them. */
async function cosineGradient(
  { global, local }: Compared,
  { labels, loss, logitScale }: { labels: Int32Array; loss: Loss; logitScale: number },
): Promise<{ value: number; parts: Record<string, number>; gradients: Float32Array[] }> {
  const { value, grads, parts } = tf.tidy(() => {
    let parts: Record<string, tf.Scalar> = {};
    let failure: { error: unknown } | undefined;
    const { value, grads } = tf.valueAndGrads((...cosines: tf.Tensor[]) => {
      try {
        const [ofGlobal, ofLocal] = cosines as [tf.Tensor2D, tf.Tensor3D?];
        const result = loss({ global: ofGlobal, local: ofLocal, labels, logitScale });
        parts = Object.fromEntries(Object.entries(result.parts).map(([name, part]) => [name, tf.keep(part.clone())]));
        return result.total.add(untouched(cosines));
      } catch (error) {
        // TensorFlow.js frees what it saved for the way back only if the function returns.
        failure = { error };
        return untouched(cosines);
      }
    })([toTensor(global), ...(local === undefined ? [] : [toTensor(local)])]);
    if (failure) throw failure.error;
    return { value, grads, parts };
  });
  // All reads are waited for, even if one fails, so that every tensor is freed.
  const names = Object.keys(parts);
  const [lossRead, ...reads] = await settle([value, ...grads, ...names.map((name) => parts[name]!)]);
  return {
    value: lossRead!.data[0]!,
    gradients: reads.slice(0, grads.length).map(({ data }) => data),
    parts: Object.fromEntries(names.map((name, i) => [name, reads[grads.length + i]!.data[0]!])),
  };
}

/** Zero, with a gradient of zeros: TensorFlow.js refuses to differentiate by what a loss does not use. */
function untouched(cosines: readonly tf.Tensor[]): tf.Scalar {
  const zero = tf.customGrad((...given) => ({
    value: tf.scalar(0),
    gradFunc: () => (given.slice(0, cosines.length) as tf.Tensor[]).map((each) => tf.zerosLike(each)),
  }));
  return zero(...cosines) as tf.Scalar;
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

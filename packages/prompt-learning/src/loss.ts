import * as tf from "@tensorflow/tfjs";

/** What a loss sees of one step: cosines, never scaled logits. */
export interface LossInput {
  /** Cosines of B images with C classes [B,C]. */
  readonly global: tf.Tensor2D;
  /** Cosines of each image's P regions with the classes [B,P,C], if the batch has local features. */
  readonly local?: tf.Tensor3D;
  /** B class indices. */
  readonly labels: Int32Array;
  /** What cosines are multiplied by: exp of CLIP's `logit_scale`, about 100. */
  readonly logitScale: number;
}

/** The number to minimise, and its named parts for the log; all scalars. */
export interface LossValue {
  readonly total: tf.Scalar;
  readonly parts: Record<string, tf.Scalar>;
}

/** A training loss: differentiable TensorFlow.js operations, synchronous, called inside `tf.tidy`. */
export type Loss = (input: LossInput) => LossValue;

/**
 * Cross-entropy of the scaled cosines, mean over the batch: the loss of CoOp (Zhou et al., arXiv:2109.01134).
 *
 * @throws with fewer than two classes: there is nothing to tell apart.
 * @example
 * ```ts
 * import { crossEntropyLoss } from "@locoop/prompt-learning";
 * import * as tf from "@tensorflow/tfjs";
 *
 * const { total } = crossEntropyLoss({ global: tf.tensor2d([[0.3, 0.3]]), labels: Int32Array.of(0), logitScale: 100 });
 * console.log(((await total.data())[0] ?? 0).toFixed(4)); // → 0.6931
 * ```
 */
export const crossEntropyLoss: Loss = ({ global, labels, logitScale }) =>
  tf.tidy(() => {
    const classes = global.shape[1];
    if (classes < 2) throw new Error(`Training needs at least two classes to tell apart; got ${classes}.`);
    const truth = tf.oneHot(tf.tensor1d(labels, "int32"), classes).toFloat(); // [B, C]
    const total = tf.logSoftmax(global.mul(logitScale)).mul(truth).sum(1).mean().neg() as tf.Scalar;
    return { total, parts: { crossEntropy: total.clone() as tf.Scalar } };
  });

import { crossEntropyLoss, type Loss } from "@locoop/prompt-learning";
import * as tf from "@tensorflow/tfjs";
import { defaultTopK } from "./default-top-k.js";

/** Options of the LoCoOp loss. */
export interface LocoopLossOptions {
  /** Number of classes, C. */
  readonly classes: number;
  /** Weight of the regularisation, lambda in the paper; 0 is CoOp. */
  readonly lambda?: number;
  /** K: a region whose true class is not among its K best classes is ID-irrelevant. Default: `defaultTopK(classes)`. */
  readonly topK?: number;
}

/**
 * The LoCoOp loss (Miyai et al., NeurIPS 2023, arXiv:2306.01293): CoOp's cross-entropy, plus lambda times the
 * negative entropy of the class probabilities in ID-irrelevant regions, so that background is like no class.
 *
 * As the reference (`entropy_select_topk` in `trainers/locoop.py`) has it: a region is irrelevant if at least K
 * classes have a strictly greater logit than the true class; entropy uses log(p + 1e-5); the mean is over all
 * selected regions of the batch, and 0 if there is none. The selection has no gradient. With `lambda` 0 the result
 * is `crossEntropyLoss` itself, and local features are not used.
 *
 * Parts: `crossEntropy`; `oodRegularization`, the negative mean entropy (at most 0, to be minimised); and
 * `irrelevantRegions`, their number in the batch.
 *
 * @throws with fewer than two classes, a negative or infinite `lambda`, a `topK` that is not a whole number from 1 to `classes`;
 *   when called, without local features.
 * @example
 * ```ts
 * import { locoopLoss } from "locoop";
 * import * as tf from "@tensorflow/tfjs";
 *
 * const loss = locoopLoss({ classes: 2, topK: 1 });
 * const global = tf.tensor2d([[0.3, 0.1]]);
 * const local = tf.tensor3d([[[0.3, 0.1], [0.1, 0.2]]]); // the second region is more like class 1: irrelevant to class 0
 * const { parts } = loss({ global, local, labels: Int32Array.of(0), logitScale: 100 });
 * console.log(await parts.irrelevantRegions?.data()); // → 1
 * ```
 */
export function locoopLoss({ classes, lambda = 0.25, topK = defaultTopK(classes) }: LocoopLossOptions): Loss {
  if (!Number.isInteger(classes) || classes < 2) {
    throw new Error(`LoCoOp needs at least two classes to tell apart; got ${classes}.`);
  }
  if (!Number.isFinite(lambda) || lambda < 0) {
    throw new Error(`Option "lambda" must be a number of 0 or more; got ${lambda}.`);
  }
  if (!Number.isInteger(topK) || topK < 1 || topK > classes) {
    throw new Error(`Option "topK" must be a whole number from 1 to the number of classes, ${classes}; got ${topK}.`);
  }
  if (lambda === 0) return crossEntropyLoss;
  return (input) => {
    const { local, labels, logitScale } = input;
    if (!local)
      throw new Error("The LoCoOp loss needs local features in every batch; encode the pictures with { local: true }.");
    return tf.tidy(() => {
      const { total: crossEntropy } = crossEntropyLoss(input);
      const logits = local.mul(logitScale) as tf.Tensor3D; // [B, P, C]
      const selected = irrelevantRegions(logits, labels, topK); // [B, P]
      const probabilities = tf.softmax(logits);
      const negativeEntropy = probabilities.mul(probabilities.add(1e-5).log()).sum(2); // [B, P]
      const count = selected.sum() as tf.Scalar;
      const oodRegularization = negativeEntropy.mul(selected).sum().div(count.maximum(1)) as tf.Scalar;
      const total = crossEntropy.add(oodRegularization.mul(lambda)) as tf.Scalar;
      return { total, parts: { crossEntropy, oodRegularization, irrelevantRegions: count } };
    });
  };
}

/** 1 where at least K classes are strictly above the true one, else 0 [B,P]. A constant: comparisons have no gradient. */
function irrelevantRegions(logits: tf.Tensor3D, labels: Int32Array, topK: number): tf.Tensor2D {
  // Without inputs, so that nothing of this is on the gradient's tape.
  const select = tf.customGrad(() => {
    const truth = tf.oneHot(tf.tensor1d(labels, "int32"), logits.shape[2]).toFloat().expandDims(1); // [B, 1, C]
    const own = logits.mul(truth).sum(2, true); // [B, P, 1]
    // The step of a difference, not `greater`: wasm broadcasts arithmetic fast and comparisons slowly.
    const above = tf.step(logits.sub(own)).sum(2); // [B, P]
    return { value: above.greaterEqual(topK).toFloat(), gradFunc: () => [] };
  });
  return select() as tf.Tensor2D;
}

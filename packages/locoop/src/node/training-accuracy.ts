import type { Loss } from "@locoop/prompt-learning";
import * as tf from "@tensorflow/tfjs";

/** The same loss, with the share of the batch that was classified right among its parts, as `accuracy`; its gradient is the same. */
export const withAccuracy =
  (loss: Loss): Loss =>
  (input) => {
    const { total, parts } = loss(input);
    const accuracy = tf.tidy(() => {
      // Without inputs, so that nothing of this is on the gradient's tape.
      const right = tf.customGrad(() => ({
        value: input.global.argMax(1).equal(tf.tensor1d(input.labels, "int32")).toFloat().mean(),
        gradFunc: () => [],
      }));
      return right() as tf.Scalar;
    });
    return { total, parts: { accuracy, ...parts } };
  };

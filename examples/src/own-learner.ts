// A learner of your own in one file: `locoop train --data DIR --weights FILE --learner ./examples/dist/own-learner.js`.
import { createVariable, defineLearner, template } from "@locoop/prompt-learning";
import * as tf from "@tensorflow/tfjs";

/** Learns one vector a class, added to the words of a hand-written prompt. It starts as zero-shot CLIP. */
export const shiftedTemplate = defineLearner({
  name: "shifted-template",
  defaults: { template: "a photo of a {}." },
  create(context, options) {
    const words = template.create(context, options);
    const shift = createVariable("shift", tf.zeros([context.classNames.length, 1, context.width])); // [C, 1, D]
    // 1 before a prompt's end token, 0 from there on: the end token stays as it is.
    const inside = tf.tidy(() => {
      const { own, end } = words.prompts();
      const length = own.shape[1] ?? 0;
      return tf.tensor3d(Array.from(end, (last) => Array.from({ length }, (_, at) => [at < last ? 1 : 0]))); // [C, S, 1]
    });
    return {
      variables: [shift],
      prompts: () =>
        tf.tidy(() => {
          const { shared, own, end } = words.prompts(); // [N, D], [C, S, D]
          return { shared, own: tf.add(own, tf.mul(inside, shift)), end };
        }),
      dispose() {
        words.dispose();
        tf.dispose([shift, inside]);
      },
    };
  },
});

// A learner of your own in one file: `locoop train --data DIR --weights FILE --learner ./examples/dist/own-learner.js`.
import { createVariable, defineLearner, template } from "@locoop/prompt-learning";
import * as tf from "@tensorflow/tfjs";

/** Learns one vector a class, added to every token of its own part of a hand-written prompt. It starts as zero-shot CLIP. */
export const shiftedTemplate = defineLearner({
  name: "shifted-template",
  defaults: { template: "a photo of a {}." },
  create(context, options) {
    const words = template.create(context, options);
    const shift = createVariable("shift", tf.zeros([context.classNames.length, 1, context.width])); // [C, 1, D]
    return {
      variables: [shift],
      prompts() {
        const { shared, own, end } = words.prompts(); // [N, D], [C, S, D]
        return { shared, own: tf.add(own, shift), end };
      },
      dispose() {
        words.dispose();
        shift.dispose();
      },
    };
  },
});

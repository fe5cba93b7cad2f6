import type { Encoded, Floats, TextTower } from "@locoop/clip";
import * as tf from "@tensorflow/tfjs";
import type { Learner } from "./learner.js";
import { takeFloats } from "./prompt-batch.js";

/**
 * Encodes the learner's prompts as they stand: class features [C,E], not normalised, without gradient.
 *
 * @example
 * ```ts
 * import { encodeClasses, template } from "@locoop/prompt-learning";
 * import { toyContext, toyText } from "@locoop/prompt-learning/toy";
 *
 * const learner = template.create(toyContext({ classNames: ["hen", "tench"] }));
 * const features = await encodeClasses(learner, toyText());
 * console.log(features.shape); // → 2,8
 * learner.dispose();
 * ```
 */
export async function encodeClasses(
  learner: Learner,
  text: TextTower,
  { signal }: { signal?: AbortSignal } = {},
): Promise<Floats> {
  const encoded = await encodePrompts(learner, text, { gradient: false, signal });
  try {
    return encoded.features;
  } finally {
    encoded.dispose();
  }
}

/** Reads the learner's prompts and encodes them; the caller disposes the result. */
export async function encodePrompts(
  learner: Learner,
  text: TextTower,
  options: { gradient: boolean; signal?: AbortSignal },
): Promise<Encoded> {
  let end = new Int32Array(0);
  const { shared, own } = tf.tidy(() => {
    const prompts = learner.prompts();
    end = Int32Array.from(prompts.end);
    // Clones: what a learner returns may be a constant or a variable of its own.
    return { shared: prompts.shared.clone(), own: prompts.own.clone() };
  });
  const [sharedRows, ownRows] = await Promise.all([takeFloats(shared), takeFloats(own)]);
  return text.encode({ shared: sharedRows, own: ownRows, end }, options);
}

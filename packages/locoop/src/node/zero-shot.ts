import type { Clip, Floats } from "@locoop/clip";
import { encodeClasses, learnerContext, template } from "@locoop/prompt-learning";
import { ensureFiniteClasses } from "./finite.js";

/**
 * Class features [C,E] of a hand-written prompt, not normalised: `{}` stands for the class name.
 *
 * @throws for a template without `{}`, a prompt too long for the model, and weights that give no finite numbers
 * @example
 * ```ts
 * import { tinyClipPaths, tinyClipTemplate } from "@locoop/tiny-clip";
 * import { closeModel, openModel, resolveEngine, zeroShotFeatures } from "locoop/node";
 *
 * const { engine } = await resolveEngine();
 * const clip = await openModel({ weights: tinyClipPaths().weights, engine });
 * const features = await zeroShotFeatures(clip, ["cat", "dog"], tinyClipTemplate);
 * console.log(features.shape.join(" x ")); // → 2 x 128
 * await closeModel();
 * ```
 */
export async function zeroShotFeatures(clip: Clip, classNames: readonly string[], text: string): Promise<Floats> {
  const learner = template.create(learnerContext(clip, { classNames }), { template: text });
  try {
    const features = await encodeClasses(learner, clip.text);
    ensureFiniteClasses(features, classNames);
    return features;
  } finally {
    learner.dispose();
  }
}

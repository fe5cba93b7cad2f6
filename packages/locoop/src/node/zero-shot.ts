import type { Clip, Floats } from "@locoop/clip";
import { encodeClasses, template } from "@locoop/prompt-learning";

/** Class features [C,E] of a hand-written prompt: `{}` stands for the class name. */
export async function zeroShotFeatures(clip: Clip, classNames: readonly string[], text: string): Promise<Floats> {
  const learner = template.create(
    {
      classNames,
      tokenizer: clip.tokenizer,
      embedTokens: (ids) => clip.embedTokens(ids),
      contextLength: clip.config.text.contextLength,
      width: clip.config.text.width,
      seed: 0,
    },
    { template: text },
  );
  try {
    return await encodeClasses(learner, clip.text);
  } finally {
    learner.dispose();
  }
}

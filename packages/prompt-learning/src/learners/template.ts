import { defineLearner, type LearnerDefinition } from "../learner.js";
import { createAssembly, layOut, tokenizePrompts } from "../prompt-batch.js";

/** Options of the hand-written prompt. */
export interface TemplateOptions {
  /** The prompt; `{}` stands for the class name. Used as it is: with the final period or without. */
  readonly template: string;
}

/**
 * A hand-written prompt, not trained: zero-shot CLIP (Radford et al., arXiv:2103.00020). It has no variables.
 *
 * @throws at `create`: a template without `{}`, a prompt too long for the text tower.
 * @example
 * ```ts
 * import { template } from "@locoop/prompt-learning";
 * import { toyContext } from "@locoop/prompt-learning/toy";
 *
 * const learner = template.create(toyContext({ classNames: ["hen", "tench"] }), { template: "a photo of a {}" });
 * console.log(learner.prompts().own.shape);
 * ```
 */
export const template: LearnerDefinition<TemplateOptions> = defineLearner<TemplateOptions>({
  name: "template",
  cite: "arXiv:2103.00020",
  defaults: { template: "a photo of a {}." },
  create(context, { template: text }) {
    if (!text.includes("{}"))
      throw new Error(`Option "template" must have {} in the place of the class name; got "${text}".`);
    const prompts = tokenizePrompts(context, (name) => text.replaceAll("{}", () => name));
    const assembly = createAssembly(
      layOut(
        prompts.map(({ ids, end }) => ({ slots: ids, end })),
        true,
      ),
      context,
    );
    return { variables: [], prompts: () => assembly.assemble(), dispose: () => assembly.dispose() };
  },
});

import { createRandom } from "@locoop/clip";
import * as tf from "@tensorflow/tfjs";
import { createVariable, defineLearner, type LearnerContext, type LearnerDefinition } from "../learner.js";
import {
  contextSlot,
  createAssembly,
  layOut,
  tokenizePrompts,
  withMarks,
  type Slot,
  type TokenizedPrompt,
} from "../prompt-batch.js";

/** Where the class name stands among the contexts. */
export type CoopPosition = "end" | "middle" | "front";

/** Options of the CoOp learner. */
export interface CoopOptions {
  /** Number of learned context vectors, M in the paper. */
  readonly contexts: number;
  /** Place of the class name; "middle" puts floor(contexts / 2) contexts before it. */
  readonly position: CoopPosition;
  /** A set of contexts for each class instead of one for all. */
  readonly classSpecific: boolean;
  /** Words to start from, such as "a photo of a"; then the number of contexts is the number of words. Empty: N(0, 0.02). */
  readonly init: string;
}

/**
 * Learned context vectors in place of the prompt's words: CoOp (Zhou et al., arXiv:2109.01134), which LoCoOp trains
 * with its own loss. One variable, `contexts`: [n,D], or [C,n,D] if class-specific.
 *
 * As `PromptLearner` in the reference (`trainers/locoop.py`): a name's length is counted on the name alone while ids
 * come from the whole prompt "X X ... name."; with `init`, contexts count words, not tokens. Where the reference
 * silently ignores class-specific contexts beside `init`, this is an error.
 *
 * @throws at `create`: options out of range, `init` with `classSpecific`, a prompt too long for the text tower.
 * @example
 * ```ts
 * import { coop } from "@locoop/prompt-learning";
 * import { toyContext } from "@locoop/prompt-learning/toy";
 *
 * const learner = coop.create(toyContext({ classNames: ["hen", "tench"] }), { contexts: 4 });
 * const { shared } = learner.prompts(); // the start token and 4 contexts; the names are in `own`
 * console.log(shared.shape); // → 5,8
 * ```
 */
export const coop: LearnerDefinition<CoopOptions> = defineLearner<CoopOptions>({
  name: "coop",
  cite: "arXiv:2109.01134",
  defaults: { contexts: 16, position: "end", classSpecific: false, init: "" },
  create(context, { contexts: wanted, position, classSpecific, init }) {
    const words = init.replaceAll("_", " ").trim().replace(/\s+/g, " ");
    checkOptions({ contexts: wanted, position, classSpecific, words });
    const count = words ? words.split(" ").length : wanted;
    const prefix = words || Array.from({ length: count }, () => "X").join(" ");
    const prompts = tokenizePrompts(context, (name) => `${prefix} ${name}.`);
    const layout = layOut(
      prompts.map((prompt) => ({ slots: arrange(prompt, count, position), end: prompt.end })),
      !classSpecific,
    );
    const assembly = createAssembly(layout, context, count);
    const contexts = createVariable("contexts", startContexts(context, { count, words, classSpecific }));
    return {
      variables: [contexts],
      prompts: () => assembly.assemble(contexts),
      dispose() {
        contexts.dispose();
        assembly.dispose();
      },
    };
  },
});

/** Orders one prompt: start, then contexts and name as asked, then what follows the name. Tokens 1 to `count` give way to the contexts. */
export function arrange({ ids, nameLength }: TokenizedPrompt, count: number, position: CoopPosition): Slot[] {
  const contexts = Array.from({ length: count }, (_, i) => contextSlot(i));
  const before = { end: count, middle: Math.floor(count / 2), front: 0 }[position];
  const after = 1 + count;
  const name = position === "end" ? 0 : nameLength;
  return [
    ids[0]!,
    ...contexts.slice(0, before),
    ...ids.slice(after, after + name),
    ...contexts.slice(before),
    ...ids.slice(after + name),
  ];
}

function startContexts(
  { tokenizer, embedTokens, width, classNames, seed }: LearnerContext,
  { count, words, classSpecific }: { count: number; words: string; classSpecific: boolean },
): tf.Tensor {
  if (words) return tf.tensor(embedTokens(withMarks(tokenizer, words).slice(1, 1 + count)).data, [count, width]);
  const random = createRandom(seed);
  const shape = classSpecific ? [classNames.length, count, width] : [count, width];
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => 0.02 * random.normal()),
    shape,
  );
}

function checkOptions(o: { contexts: number; position: string; classSpecific: boolean; words: string }): void {
  if (!Number.isInteger(o.contexts) || o.contexts < 1) {
    throw new Error(
      `Option "contexts" must be a whole number of 1 or more; got ${o.contexts}. For none, use the learner "template".`,
    );
  }
  if (!["end", "middle", "front"].includes(o.position)) {
    throw new Error(`Option "position" must be "end", "middle" or "front"; got "${o.position}".`);
  }
  if (o.words && o.classSpecific) {
    throw new Error(`Options "init" and "classSpecific" exclude each other; got init "${o.words}". Leave one out.`);
  }
}

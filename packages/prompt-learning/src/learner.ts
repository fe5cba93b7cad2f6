import type { Clip, Floats, PromptBatch, Tokenizer } from "@locoop/clip";
import * as tf from "@tensorflow/tfjs";
import type { Loss } from "./loss.js";

/** What a learner is made from: C class names and the token embedding of a frozen CLIP. A `Clip` of `@locoop/clip` has all of it. */
export interface LearnerContext {
  /** C names; underscores count as spaces. */
  readonly classNames: readonly string[];
  readonly tokenizer: Tokenizer;
  /** Rows [L,D] of the token embedding, without positions. */
  readonly embedTokens: (ids: ArrayLike<number>) => Floats;
  /** Positions of the text tower: 77 in every published CLIP. */
  readonly contextLength: number;
  /** D, the text tower's width. */
  readonly width: number;
  /** Decides every random start value. */
  readonly seed: number;
}

/**
 * What a learner is made from, of an open CLIP and C class names; `seed` decides random start values.
 *
 * @example
 * ```ts
 * import type { Clip } from "@locoop/clip";
 * import { coop, learnerContext } from "@locoop/prompt-learning";
 *
 * const makeLearner = (clip: Clip) => coop.create(learnerContext(clip, { classNames: ["hen", "tench"], seed: 1 }), { contexts: 4 });
 * console.log(typeof makeLearner); // → function
 * ```
 */
export function learnerContext(
  clip: Pick<Clip, "config" | "tokenizer" | "embedTokens">,
  { classNames, seed = 0 }: { classNames: readonly string[]; seed?: number },
): LearnerContext {
  const { contextLength, width } = clip.config.text;
  return {
    classNames,
    tokenizer: clip.tokenizer,
    embedTokens: (ids) => clip.embedTokens(ids),
    contextLength,
    width,
    seed,
  };
}

/** What the author of a learner writes: its variables, its prompts and, optionally, its own loss. */
export interface LearnerParts {
  /** What training changes; make each with `createVariable`. Empty for a learner that is not trained. */
  readonly variables: readonly tf.Variable[];
  /** The prompts of all C classes as tensors, from the variables' present values: synchronous and pure; the caller's `tf.tidy` frees the result. */
  readonly prompts: () => PromptBatch<tf.Tensor>;
  /** The loss that `fit` takes when it is given none. */
  readonly loss?: Loss;
  /** Frees the variables and constants. */
  readonly dispose: () => void;
}

/** A prompt learner for one list of classes: its parts, its name and the options it was made with. */
export interface Learner extends LearnerParts {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A learner before it knows its classes: a pure description, made by `defineLearner`. */
export interface LearnerDefinition<O extends object = object> {
  readonly name: string;
  /** Where the method is published. */
  readonly cite?: string;
  readonly defaults: Readonly<O>;
  /** Makes the learner; the caller disposes it. An unknown option is an error. */
  create(context: LearnerContext, options?: Partial<O>): Learner;
}

/**
 * Defines a prompt learner: a name, its options with defaults, and a function that makes its variables and prompts.
 *
 * @throws at `create`: if an option is unknown or there is no class.
 * @example
 * ```ts
 * import { createVariable, defineLearner } from "@locoop/prompt-learning";
 * import * as tf from "@tensorflow/tfjs";
 *
 * // One learned vector in the place of the name: the smallest learner there is.
 * const nameless = defineLearner({
 *   name: "nameless",
 *   defaults: { scale: 0.02 },
 *   create({ classNames, tokenizer, embedTokens, width }, { scale }) {
 *     const { data } = embedTokens([tokenizer.startToken, tokenizer.endToken]);
 *     const ends = tf.tensor2d(data, [2, width]);
 *     const names = createVariable("names", tf.fill([classNames.length, 1, width], scale));
 *     return {
 *       variables: [names],
 *       prompts: () => ({
 *         shared: ends.slice([0, 0], [1, width]), // [1, D]
 *         own: tf.concat([names, ends.slice([1, 0], [1, width]).expandDims(0).tile([classNames.length, 1, 1])], 1), // [C, 2, D]
 *         end: new Int32Array(classNames.length).fill(1),
 *       }),
 *       dispose: () => tf.dispose([names, ends]),
 *     };
 *   },
 * });
 * console.log(nameless.name, nameless.defaults);
 * ```
 */
export function defineLearner<O extends object>(definition: {
  name: string;
  cite?: string;
  defaults: O;
  create: (context: LearnerContext, options: O) => LearnerParts;
}): LearnerDefinition<O> {
  const { name, cite, defaults, create } = definition;
  return {
    name,
    cite,
    defaults,
    create(context, given = {}) {
      if (context.classNames.length === 0)
        throw new Error(`Learner "${name}" needs at least one class name; got none.`);
      const unknown = Object.keys(given).filter((key) => !Object.hasOwn(defaults, key));
      if (unknown.length > 0) {
        const known = Object.keys(defaults).join(", ") || "none";
        throw new Error(`Learner "${name}" has no option "${unknown.join('", "')}"; its options are: ${known}.`);
      }
      const set = Object.entries(given).filter(([, value]) => value !== undefined);
      const options = { ...defaults, ...Object.fromEntries(set) } as O;
      const parts = create(context, options);
      return {
        name,
        options: options as Readonly<Record<string, unknown>>,
        variables: parts.variables,
        loss: parts.loss,
        // Called on what `create` returned, which may be an instance with methods.
        prompts: () => parts.prompts(),
        dispose: () => parts.dispose(),
      };
    },
  };
}

/**
 * Makes a named variable of a learner from its start values, which it disposes.
 *
 * TensorFlow.js wants every living variable's name unique, while two learners may live side by side: a number
 * after `#` keeps them apart, and checkpoints leave it out.
 *
 * @example
 * ```ts
 * import { createVariable } from "@locoop/prompt-learning";
 * import * as tf from "@tensorflow/tfjs";
 *
 * const contexts = createVariable("contexts", tf.zeros([16, 512]));
 * contexts.dispose();
 * ```
 */
export function createVariable(name: string, initial: tf.Tensor): tf.Variable {
  const taken = tf.engine().state.registeredVariables;
  let count = 1;
  while (`${name}#${count}` in taken) count++;
  const variable = tf.variable(initial, true, `${name}#${count}`);
  initial.dispose();
  return variable;
}

/**
 * The name a variable has in steps and checkpoints: the one given to `createVariable`.
 *
 * @example
 * ```ts
 * import { createVariable, variableName } from "@locoop/prompt-learning";
 * import * as tf from "@tensorflow/tfjs";
 *
 * const contexts = createVariable("contexts", tf.zeros([16, 512]));
 * console.log(variableName(contexts)); // → contexts
 * contexts.dispose();
 * ```
 */
export function variableName(variable: tf.Variable): string {
  return variable.name.replace(/#\d+$/, "");
}

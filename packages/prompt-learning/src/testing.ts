import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { fit } from "./fit.js";
import { variableName, type Learner, type LearnerDefinition } from "./learner.js";
import { toyBatches, toyContext, toyText } from "./toy.js";

export { toyBatches, toyContext, toyText } from "./toy.js";

/**
 * The conformance suite of learners, for vitest: call it at the top of a test file.
 *
 * It checks that prompts have the stated shapes, fit the text tower, begin with the start token and end in the end
 * token; that they are pure and decided by the seed; that a gradient reaches every variable and `fit` moves it; and
 * that nothing stays in memory. No CLIP is needed: it uses the toy of `@locoop/prompt-learning/toy`.
 *
 * @example
 * ```ts no-run
 * import { coop } from "@locoop/prompt-learning";
 * import { describeLearner } from "@locoop/prompt-learning/testing";
 *
 * describeLearner(coop, { options: { contexts: 4, position: "middle" } });
 * ```
 */
export function describeLearner<O extends object>(
  definition: LearnerDefinition<O>,
  {
    options,
    classNames = ["hen", "great_white_shark", "tench"],
  }: { options?: Partial<O>; classNames?: readonly string[] } = {},
): void {
  const create = (seed = 1): Learner => definition.create(toyContext({ classNames, seed }), options);
  const context = toyContext({ classNames });

  describe(`learner "${definition.name}" ${JSON.stringify(options ?? {})}`, () => {
    it("makes prompts [N,D] and [C,S,D] that fit the text tower, from start token to end tokens", async () => {
      const learner = create();
      const { shared, own, end } = learner.prompts();
      const length = own.shape[1]!;
      expect(shared.shape).toEqual([shared.shape[0], context.width]);
      expect(own.shape).toEqual([classNames.length, length, context.width]);
      expect(shared.shape[0]!).toBeGreaterThan(0);
      expect(end).toHaveLength(classNames.length);
      const { startToken, endToken } = context.tokenizer;
      const ownRows = await own.data();
      const sharedRows = await shared.data();
      expect(Array.from(sharedRows.slice(0, context.width))).toEqual(
        Array.from(context.embedTokens([startToken]).data),
      );
      end.forEach((at, c) => {
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThan(length);
        expect(shared.shape[0]! + at).toBeLessThan(context.contextLength);
        const from = (c * length + at) * context.width;
        const row = Array.from(ownRows.slice(from, from + context.width));
        expect(row).toEqual(Array.from(context.embedTokens([endToken]).data));
      });
      tf.dispose([shared, own]);
      learner.dispose();
    });

    it("makes the same prompts every time, from the seed alone", async () => {
      const [one, two] = [create(7), create(7)];
      const first = await promptValues(one);
      expect(await promptValues(one)).toEqual(first);
      expect(await promptValues(two)).toEqual(first);
      one.dispose();
      two.dispose();
    });

    it("names its variables, and a gradient reaches each", async () => {
      const learner = create();
      const names = learner.variables.map(variableName);
      expect(new Set(names).size).toBe(names.length);
      if (names.length > 0) {
        for await (const { loss, gradient } of fit({ ...toyRun(learner), epochs: 1, stepsPerEpoch: 1 })) {
          expect(loss).toBeTypeOf("number");
          for (const name of names)
            expect(
              gradient[name]?.data.some((g) => g !== 0),
              `gradient of ${name}`,
            ).toBe(true);
        }
      }
      learner.dispose();
    });

    it("is trained by fit, unless it has no variables", async () => {
      const learner = create();
      const before = await promptValues(learner);
      if (learner.variables.length > 0) {
        for await (const step of fit({ ...toyRun(learner), epochs: 2 })) expect(Number.isFinite(step.loss)).toBe(true);
        expect(await promptValues(learner)).not.toEqual(before);
      } else {
        await expect(fit(toyRun(learner)).next()).rejects.toThrow("no variables");
      }
      learner.dispose();
    });

    it("leaves no tensor behind", () => {
      const before = tf.memory().numTensors;
      const learner = create();
      const made = tf.memory().numTensors;
      tf.tidy(() => void learner.prompts());
      expect(tf.memory().numTensors).toBe(made);
      const { shared, own } = learner.prompts();
      expect(tf.memory().numTensors).toBe(made + 2);
      tf.dispose([shared, own]);
      learner.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  function toyRun(learner: Learner): Parameters<typeof fit>[0] {
    return { learner, text: toyText(), logitScale: 10, batches: toyBatches({ classes: classNames.length }) };
  }
}

async function promptValues(learner: Learner): Promise<{ shared: number[]; own: number[]; end: number[] }> {
  const { shared, own, end } = learner.prompts();
  const values = { shared: Array.from(await shared.data()), own: Array.from(await own.data()), end: Array.from(end) };
  tf.dispose([shared, own]);
  return values;
}

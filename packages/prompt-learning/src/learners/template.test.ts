import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { describeLearner } from "../testing.js";
import { toyContext } from "../toy.js";
import { template } from "./template.js";

describe("template", () => {
  const context = toyContext({ classNames: ["hen", "great_hen"] });

  it("writes the names into the template, underscores as spaces, and shares the common beginning", async () => {
    const learner = template.create(context, { template: "a {}" });
    const { shared, own, end } = learner.prompts();
    const { startToken, endToken, encode } = context.tokenizer;
    expect(Array.from(await shared.data())).toEqual(Array.from(context.embedTokens([startToken, ...encode("a")]).data));
    const first = [...encode("hen"), endToken, 0, 0, 0, 0, 0];
    const second = [...encode("greathen"), endToken];
    expect(Array.from(await own.data())).toEqual(Array.from(context.embedTokens([...first, ...second]).data));
    expect(Array.from(end)).toEqual([3, 8]);
    tf.dispose([shared, own]);
    learner.dispose();
  });

  it("keeps the final period to what the user wrote", () => {
    const lengths = ["{}", "{}."].map((text) => {
      const learner = template.create(context, { template: text });
      const length = tf.tidy(() => learner.prompts().own.shape[1]!);
      learner.dispose();
      return length;
    });
    expect(lengths[1]).toBe(lengths[0]! + 1);
  });

  it("leaves the end token to each class when the prompts are the same", () => {
    const learner = template.create({ ...context, classNames: ["hen", "hen"] });
    const { own, end } = tf.tidy(() => ({ own: learner.prompts().own.shape, end: Array.from(learner.prompts().end) }));
    expect(own).toEqual([2, 1, context.width]);
    expect(end).toEqual([0, 0]);
    learner.dispose();
  });

  it("refuses a template without {} and a context without classes", () => {
    expect(() => template.create(context, { template: "a photo" })).toThrow(
      'must have {} in the place of the class name; got "a photo"',
    );
    expect(() => template.create({ ...context, classNames: [] })).toThrow(
      'Learner "template" needs at least one class name; got none.',
    );
  });
});

describeLearner(template);
describeLearner(template, { options: { template: "{}" }, classNames: ["one"] });

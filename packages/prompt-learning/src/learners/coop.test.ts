import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { readFloats, readJson, referenceContext, type ReferencePrompts } from "../../fixtures/read.js";
import { assign } from "../checkpoint.js";
import { tokenizePrompts } from "../prompt-batch.js";
import { describeLearner } from "../testing.js";
import { toyContext } from "../toy.js";
import { arrange, coop, type CoopPosition } from "./coop.js";

interface Variant extends ReferencePrompts {
  readonly key: string;
  readonly n_ctx: number;
  readonly csc: boolean;
  readonly position: CoopPosition;
  readonly ctx_init: string;
  readonly length: number;
}

const { names, variants } = await readJson<{ names: string[]; variants: Variant[] }>("prompts.json");
const expected = await readFloats("prompts.safetensors");
const embedding = (await readFloats("../../clip/fixtures/vit-tiny/open_clip_model.safetensors")).get(
  "token_embedding.weight",
)!;

describe("coop against the reference's PromptLearner", () => {
  beforeAll(async () => void (await tf.setBackend("cpu")));

  // Tolerance of fixtures/prompts: exact, they are copies. Rows after a class's end token do not reach its feature.
  it.each(variants)("$key: $n_ctx contexts, $position, class-specific $csc, init '$ctx_init'", async (variant) => {
    const { key, n_ctx: contexts, csc: classSpecific, position, ctx_init: init } = variant;
    const prefix = init || Array.from({ length: contexts }, () => "X").join(" ");
    const options = { contexts, position, classSpecific, init };
    const learner = coop.create(referenceContext(names, prefix, variant, embedding), options);
    const given = expected.get(`${key}.ctx`)!;
    const [variable] = learner.variables;
    expect(variable!.shape).toEqual(given.shape);
    if (init) expect(Array.from(await variable!.data())).toEqual(Array.from(given.data));
    assign(variable!, given);

    const { shared, own, end } = learner.prompts();
    const [rows, ownRows] = [await shared.data(), await own.data()];
    const [prefixLength, width] = shared.shape as [number, number];
    const length = own.shape[1]!;
    const [, referenceLength] = expected.get(`${key}.prompts`)!.shape as [number, number, number];
    const reference = expected.get(`${key}.prompts`)!.data;
    names.forEach((_, c) => {
      expect(prefixLength + end[c]!).toBe(variant.eot[c]);
      for (let row = 0; row <= variant.eot[c]!; row++) {
        const from = (c * length + row - prefixLength) * width;
        const ours =
          row < prefixLength ? rows.slice(row * width, (row + 1) * width) : ownRows.slice(from, from + width);
        const at = (c * referenceLength + row) * width;
        expect(Array.from(ours), `class ${c}, row ${row}`).toEqual(Array.from(reference.slice(at, at + width)));
      }
    });
    // The paper's layout shares start and contexts; contexts of a class's own share the start token alone.
    if (!classSpecific && position === "end") expect(prefixLength).toBeGreaterThanOrEqual(1 + contexts);
    if (classSpecific) expect(prefixLength).toBe(1);
    tf.dispose([shared, own]);
    learner.dispose();
  });
});

describe("coop's options", () => {
  const context = toyContext({ classNames: ["hen", "great_white_shark"] });

  it("starts from N(0, 0.02), decided by the seed", async () => {
    const values = async (seed: number): Promise<number[]> => {
      const learner = coop.create({ ...context, seed }, { contexts: 16, classSpecific: true });
      const data = Array.from(await learner.variables[0]!.data());
      learner.dispose();
      return data;
    };
    const one = await values(1);
    expect(await values(1)).toEqual(one);
    expect(await values(2)).not.toEqual(one);
    const deviation = Math.sqrt(one.reduce((sum, x) => sum + x * x, 0) / one.length);
    expect(deviation).toBeGreaterThan(0.016);
    expect(deviation).toBeLessThan(0.024);
  });

  it.each([
    [{ contexts: 0 }, 'Option "contexts" must be a whole number of 1 or more; got 0.'],
    [{ position: "left" as CoopPosition }, 'Option "position" must be "end", "middle" or "front"; got "left".'],
    [{ init: "a photo", classSpecific: true }, 'Options "init" and "classSpecific" exclude each other'],
    [{ contexts: 70 }, 'The prompt of class "great_white_shark" has 88 tokens and the text tower takes 77'],
  ])("refuses %o", (options, message) => {
    expect(() => coop.create(context, options)).toThrow(message);
  });

  it("names an unknown option and the known ones", () => {
    expect(() => coop.create(context, { length: 4 } as object)).toThrow(
      'Learner "coop" has no option "length"; its options are: contexts, position, classSpecific, init.',
    );
  });

  it("leaves nothing behind when it refuses", () => {
    const before = tf.memory().numTensors;
    expect(() => coop.create(context, { contexts: 70 })).toThrow("the text tower takes 77");
    expect(tf.memory().numTensors).toBe(before);
  });

  it("reads the first of two end tokens, and cuts there", () => {
    const withEnd = { ...context, classNames: ["a"], tokenizer: { ...context.tokenizer, encode: () => [5, 257, 6] } };
    const [prompt] = tokenizePrompts(withEnd, (name) => name);
    expect(prompt).toEqual({ ids: [256, 5, 257, 6, 257], end: 2, nameLength: 3 });
  });

  it("puts floor(n / 2) contexts before a name in the middle", () => {
    const prompt = { ids: [256, 88, 88, 88, 88, 88, 1, 2, 46, 257], end: 9, nameLength: 2 };
    expect(arrange(prompt, 5, "middle")).toEqual([256, -1, -2, 1, 2, -3, -4, -5, 46, 257]);
    expect(arrange(prompt, 5, "front")).toEqual([256, 1, 2, -1, -2, -3, -4, -5, 46, 257]);
    expect(arrange(prompt, 5, "end")).toEqual([256, -1, -2, -3, -4, -5, 1, 2, 46, 257]);
  });
});

for (const position of ["end", "middle", "front"] as const) {
  for (const classSpecific of [false, true])
    describeLearner(coop, { options: { contexts: 3, position, classSpecific } });
}
describeLearner(coop, { options: { init: "a photo of a" } });

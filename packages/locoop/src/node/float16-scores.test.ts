import { cosines, createRandom, createSimilarity, type Floats } from "@locoop/clip";
import { tfjsEngine } from "@locoop/clip/tfjs";
import { defineScore, emulateFloat16, glmcm, mcm } from "@locoop/ood-metrics";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { UsageError } from "./errors.js";
import { callScore, toFloat16 } from "./float16-scores.js";
import { loadScores } from "./plugins.js";
import { judgeFeatures } from "./scoring.js";

beforeAll(async () => {
  tf.enableProdMode(); // no banner
  await tf.setBackend("cpu");
});

it("turns names into those of their emulation, and refuses what the reference does not compute", () => {
  expect(toFloat16(["mcm", "gl-mcm", "l-mcm-float16"])).toEqual(["mcm-float16", "gl-mcm-float16", "l-mcm-float16"]);
  expect(() => toFloat16(["mcm", "energy"])).toThrow(UsageError);
  expect(() => toFloat16(["energy"])).toThrow(
    '--emulate-fp16-scores is for the scores that the reference computes (mcm, l-mcm, gl-mcm), got "energy"; leave one of the two out',
  );
  expect(() => toFloat16(["/mine.js"])).toThrow('got "/mine.js", a score of your own or none');
});

it("are computed with the model's logit scale", async () => {
  const random = createRandom("float16");
  const floats = (...shape: number[]): Floats => ({
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    shape,
  });
  const session = tfjsEngine({ tf }).open();
  const clip = { similarity: createSimilarity({ session }), logitScale: 94.6 };
  const [features, classes] = [{ global: floats(3, 8), local: floats(3, 4, 8) }, floats(5, 8)];
  const scores = await loadScores(toFloat16(["mcm", "gl-mcm"]));
  const [judged] = await judgeFeatures(features, [classes], { scores, clip });
  const matches = cosines(features, classes);
  const expected = [mcm, glmcm].map((score) => emulateFloat16(score)(matches, { logitScale: 94.6 }));
  // Half a step of float16 is what float32 cosines of another order of summation can move.
  judged!.forEach((judgement, i) =>
    judgement.scores.forEach((value, s) => expect(Math.abs(value - expected[s]![i]!)).toBeLessThan(2 ** -10)),
  );
  expect(judged!.every((judgement) => judgement.scores.every((value) => Number.isInteger(value * 2 ** 13)))).toBe(true);
  session.dispose();
});

it("leaves a score of one's own alone that has the name of an emulated one", () => {
  const own = defineScore({ name: "mcm-float16", cite: "mine", defaults: {}, row: () => 7 });
  expect([...callScore(own, { global: Float32Array.of(0.1, 0.2), classes: 2 }, 50)]).toEqual([7]);
});

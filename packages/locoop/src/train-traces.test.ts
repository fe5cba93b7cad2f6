import { cosines, type Clip } from "@locoop/clip";
import { glmcm, mcm } from "@locoop/ood-metrics";
import { encodeClasses, fit, type TrainingBatch } from "@locoop/prompt-learning";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineNames, startEngine } from "../../clip/src/engines/engines.test.kit.js";
import {
  createReferenceClip,
  createReferenceLearner,
  difference,
  encodeReferenceBatches,
  largest,
  stacked,
  tensors,
  trace,
} from "../../prompt-learning/fixtures/train.js";
import { locoopLoss } from "./loss.js";

// The reference's own trainer, run by run and step by step. Tolerances: README of the reference values, train/.
describe.each(engineNames)("training as the reference does, on %s", (engine) => {
  let clip: Clip;
  let batches: TrainingBatch[];

  beforeAll(async () => {
    clip = createReferenceClip(await startEngine(engine));
    batches = await encodeReferenceBatches(clip);
  });

  afterAll(() => clip.dispose());

  it.each(trace.runs)("$name: losses, learning rates, gradients and contexts of every step", async (run) => {
    const { name, lambda_value: lambda, top_k: topK, lr: learningRate } = run;
    const start = tensors.get(`${name}.ctx_start`)!.data;
    const moving = name === "large_lr_and_lambda" ? 1e-3 : 1e-4; // this run amplifies rounding
    const learner = createReferenceLearner(run);
    const { text, logitScale } = clip;
    const tensorsBefore = tf.memory().numTensors;
    let at = 0;
    for await (const step of fit({
      learner,
      text,
      logitScale,
      async *batches() {
        yield* batches;
      },
      loss: locoopLoss({ lambda, topK, classes: trace.names.length }),
      epochs: trace.epochs,
      optimizer: { learningRate },
    })) {
      const expected = run.steps[at]!;
      expect([step.epoch, step.step]).toEqual([expected.epoch, expected.step]);
      expect(Math.abs(step.learningRate - expected.lr)).toBeLessThan(1e-12);
      expect(Math.abs(step.loss - expected.loss)).toBeLessThan(3e-4);
      expect(Math.abs(step.parts.crossEntropy! - expected.loss_id)).toBeLessThan(3e-4);
      if (lambda > 0) {
        expect(Math.abs(step.parts.oodRegularization! - expected.loss_en)).toBeLessThan(3e-4);
        expect(step.parts.irrelevantRegions).toBe(expected.irrelevant_regions);
      }
      const gradientAt = run.grad_at_steps.indexOf(at);
      if (gradientAt >= 0) {
        const gradient = stacked(tensors.get(`${name}.grad`)!, gradientAt);
        expect(difference(step.gradient.contexts!.data, gradient)).toBeLessThan(5e-4 * largest(gradient));
      }
      const contextsAt = run.ctx_after_steps.indexOf(at);
      if (contextsAt >= 0) {
        const contexts = stacked(tensors.get(`${name}.ctx`)!, contextsAt);
        const tolerance = 1e-6 + moving * difference(contexts, start);
        expect(difference(await learner.variables[0]!.data(), contexts)).toBeLessThan(tolerance);
      }
      at++;
    }
    expect(at).toBe(run.steps.length);
    // The engine uploads weights once, with the first run; after that no step leaves a tensor.
    if (run !== trace.runs[0]) expect(tf.memory().numTensors).toBe(tensorsBefore);
    if (name === "end_shared") await checkDetection(clip, batches, await encodeClasses(learner, text));
    learner.dispose();
  });
});

/** Logits after the run, and what the reference's `test_ood` makes of them: low = ID there, and it divides by 100 whatever the scale is. */
async function checkDetection(
  clip: Clip,
  batches: TrainingBatch[],
  classes: Parameters<typeof cosines>[1],
): Promise<void> {
  const matches = batches.map(({ features }) => cosines(features, classes));
  const logits = (values: Float32Array): Float32Array => values.map((cosine) => cosine * clip.logitScale);
  const expected = (key: string): Float32Array => tensors.get(`end_shared.${key}`)!.data;
  expect(difference(logits(matches[0]!.global), expected("final_logits"))).toBeLessThan(1e-3);
  expect(difference(logits(matches[0]!.local!), expected("final_logits_local"))).toBeLessThan(1e-3);
  for (const T of ["1", "0.5"]) {
    const temperature = (Number(T) * 100) / clip.logitScale;
    for (const [key, score] of [
      ["mcm", mcm],
      ["glmcm", glmcm],
    ] as const) {
      const scores = matches.flatMap((match) => Array.from(score(match, { temperature }), (s) => -s));
      expect(difference(scores, expected(`test_ood_${key}_T${T}`))).toBeLessThan(1e-5);
    }
  }
}

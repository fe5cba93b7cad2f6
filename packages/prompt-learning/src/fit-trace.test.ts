import { tfjsEngine } from "@locoop/clip/tfjs";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { expect, it } from "vitest";
import {
  createReferenceClip,
  createReferenceLearner,
  difference,
  encodeReferenceBatches,
  largest,
  stacked,
  tensors,
  trace,
} from "../fixtures/train.js";
import { fit } from "./fit.js";

// The reference's own trainer with lambda 0, which ends where CoOp's own code ends. The traces of LoCoOp are in the package locoop.
it.each(["cpu", "wasm"])("repeats the reference's run of CoOp step by step on %s", async (backend) => {
  await tf.setBackend(backend);
  const clip = createReferenceClip(tfjsEngine({ tf }));
  const batches = await encodeReferenceBatches(clip);
  const run = trace.runs.find(({ name }) => name === "coop_lambda_0")!;
  const start = tensors.get("coop_lambda_0.ctx_start")!.data;
  const learner = createReferenceLearner(run);
  const [variable] = learner.variables;
  const { text, logitScale } = clip;
  let at = 0;
  for await (const step of fit({
    learner,
    text,
    logitScale,
    async *batches() {
      yield* batches;
    },
    epochs: trace.epochs,
    optimizer: { learningRate: run.lr },
  })) {
    const expected = run.steps[at]!;
    expect(step.learningRate).toBeCloseTo(expected.lr, 12);
    expect(Math.abs(step.loss - expected.loss)).toBeLessThan(3e-4); // fixtures/train
    expect(step.parts).toEqual({ crossEntropy: step.loss });
    const gradientAt = run.grad_at_steps.indexOf(at);
    if (gradientAt >= 0) {
      const gradient = stacked(tensors.get("coop_lambda_0.grad")!, gradientAt);
      expect(difference(step.gradient.contexts!.data, gradient) / largest(gradient)).toBeLessThan(5e-4); // fixtures/train
    }
    const after = stacked(tensors.get("coop_lambda_0.ctx")!, run.ctx_after_steps.indexOf(at));
    const tolerance = 1e-6 + 1e-4 * difference(after, start); // fixtures/train
    expect(difference(await variable!.data(), after)).toBeLessThan(tolerance);
    at++;
  }
  expect(at).toBe(12);
  learner.dispose();
  clip.dispose();
});

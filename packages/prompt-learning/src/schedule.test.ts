import { expect, it } from "vitest";
import { readJson } from "../fixtures/read.js";
import { learningRateAt } from "./schedule.js";

const paper = { epochs: 50, learningRate: 0.002, warmupEpochs: 1, warmupLearningRate: 1e-5 };

it("gives Dassl's learning rate in each of 50 epochs", async () => {
  const { learning_rate_per_epoch_of_50: expected } = await readJson<{ learning_rate_per_epoch_of_50: number[] }>(
    "train/train.json",
  );
  expect(expected).toHaveLength(50);
  // PyTorch computes the cosine recursively: rounding of float64 only.
  expected.forEach((rate, epoch) => expect(Math.abs(learningRateAt(epoch, paper) - rate)).toBeLessThan(1e-15));
});

it("counts the cosine from the end of the warm-up", () => {
  expect(learningRateAt(0, { ...paper, warmupEpochs: 0 })).toBe(0.002);
  expect(learningRateAt(2, { ...paper, warmupEpochs: 3 })).toBe(1e-5);
  expect(learningRateAt(3, { ...paper, warmupEpochs: 3 })).toBe(0.002);
});

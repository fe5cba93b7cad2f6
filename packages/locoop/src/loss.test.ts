import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { crossEntropyLoss } from "@locoop/prompt-learning";
import { beforeEach, describe, expect, it } from "vitest";
import { defaultTopK } from "./default-top-k.js";
import { locoopLoss } from "./loss.js";

const global = [
  [0.3, 0.1, 0.2],
  [0.1, 0.25, 0.2],
];
const local = [
  [
    [0.3, 0.1, 0.2], // the label 0 is first
    [0.1, 0.3, 0.2], // third
    [0.2, 0.3, 0.2], // second, beside class 2
  ],
  [
    [0.2, 0.1, 0.2], // the label 1 is third, after two equals
    [0.1, 0.3, 0.2], // first
    [0.3, 0.2, 0.2], // second, beside class 2
  ],
];
const labels = Int32Array.of(0, 1);
const logitScale = 10;

/** The paper's formulas in float64, without any tensor. */
function byHand(topK: number, lambda: number): { total: number; regularization: number; count: number } {
  const softmax = (row: number[]): number[] => {
    const powers = row.map((x) => Math.exp(logitScale * x));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((x) => x / sum);
  };
  const crossEntropy = global.reduce((sum, row, b) => sum - Math.log(softmax(row)[labels[b]!]!) / 2, 0);
  const selected = local.flatMap((rows, b) =>
    rows.filter((row) => row.filter((x) => x > row[labels[b]!]!).length >= topK),
  );
  const negative = selected.map((row) => softmax(row).reduce((sum, p) => sum + p * Math.log(p + 1e-5), 0));
  const regularization = negative.reduce((a, b) => a + b, 0) / Math.max(1, negative.length);
  return { total: crossEntropy + lambda * regularization, regularization, count: selected.length };
}

describe.each(["cpu", "wasm"])("locoopLoss on %s", (backend) => {
  beforeEach(async () => void (await tf.setBackend(backend)));
  const input = () => ({ global: tf.tensor2d(global), local: tf.tensor3d(local), labels, logitScale });

  // float32 against float64: 1e-5 (half of it). A class that only ties with the label does not count against it.
  it.each([
    [1, 4],
    [2, 2],
    [3, 0],
  ])("is the paper's formula with K = %i, which selects %i regions", async (topK, count) => {
    const expected = byHand(topK, 0.5);
    expect(expected.count).toBe(count);
    const { total, parts } = locoopLoss({ classes: 3, topK, lambda: 0.5 })(input());
    expect((await total.data())[0]).toBeCloseTo(expected.total, 5);
    expect((await parts.oodRegularization!.data())[0]).toBeCloseTo(expected.regularization, 5);
    expect((await parts.irrelevantRegions!.data())[0]).toBe(count);
  });

  // Central differences of the float64 formula: 5e-4.
  it("has the formula's gradient", async () => {
    const loss = locoopLoss({ classes: 3, topK: 1, lambda: 0.5 });
    const gradient = tf.grad((x: tf.Tensor) => loss({ ...input(), local: x as tf.Tensor3D }).total)(tf.tensor3d(local));
    const slopes = Array.from(await gradient.data());
    for (const [b, p, c] of [
      [0, 1, 1],
      [1, 0, 2],
      [0, 0, 0],
    ] as const) {
      const at = (move: number): number => {
        const before = local[b]![p]![c]!;
        local[b]![p]![c] = before + move;
        const { total } = byHand(1, 0.5);
        local[b]![p]![c] = before;
        return total;
      };
      expect(slopes[b * 9 + p * 3 + c]).toBeCloseTo((at(1e-4) - at(-1e-4)) / 2e-4, 3);
    }
  });

  it("keeps what it returns, and nothing else", () => {
    const given = input();
    const before = tf.memory().numTensors;
    const { total, parts } = locoopLoss({ classes: 3, topK: 1 })(given);
    tf.dispose([total, ...Object.values(parts)]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

it("is CoOp's loss itself with lambda 0", () => {
  expect(locoopLoss({ classes: 3, lambda: 0 })).toBe(crossEntropyLoss);
});

it("takes the paper's share of the classes as K", () => {
  expect([1, 2, 3, 8, 50, 100, 1000].map(defaultTopK)).toEqual([1, 1, 1, 2, 10, 20, 200]);
});

it("refuses what cannot be", () => {
  expect(() => locoopLoss({ classes: 1 })).toThrow("LoCoOp needs at least two classes to tell apart; got 1.");
  expect(() => locoopLoss({ classes: 3, lambda: -1 })).toThrow('"lambda" must be a number of 0 or more; got -1.');
  expect(() => locoopLoss({ classes: 3, topK: 0 })).toThrow("from 1 to the number of classes, 3; got 0.");
  expect(() => locoopLoss({ classes: 3, topK: 4 })).toThrow("from 1 to the number of classes, 3; got 4.");
  const loss = locoopLoss({ classes: 3 });
  expect(() => loss({ global: tf.tensor2d(global), labels, logitScale })).toThrow(
    "needs local features in every batch",
  );
});

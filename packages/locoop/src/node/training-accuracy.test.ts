import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { locoopLoss } from "../loss.js";
import { withAccuracy } from "./training-accuracy.js";

it("counts what was classified right and leaves loss, parts and gradient to the bit", async () => {
  await tf.setBackend("cpu");
  const labels = Int32Array.of(0, 1, 1);
  const global = tf.tensor2d([0.3, 0.1, 0.2, 0.4, 0.9, 0.1], [3, 2]);
  const local = tf.tensor3d(
    Array.from({ length: 12 }, (_, i) => Math.sin(i) / 3),
    [3, 2, 2],
  );
  const plain = locoopLoss({ classes: 2, topK: 1 });
  const run = (loss: typeof plain) => {
    let parts: Record<string, tf.Scalar> = {};
    const { value, grads } = tf.valueAndGrads((g, l) => {
      const result = loss({ global: g as tf.Tensor2D, local: l as tf.Tensor3D, labels, logitScale: 100 });
      parts = Object.fromEntries(Object.entries(result.parts).map(([name, part]) => [name, tf.keep(part.clone())]));
      return result.total;
    })([global, local]);
    return Promise.all([
      value.data(),
      ...grads.map((grad) => grad.data()),
      ...Object.values(parts).map((part) => part.data()),
    ]);
  };
  const before = await run(plain);
  const after = await run(withAccuracy(plain));
  expect(after[3]![0]).toBeCloseTo(2 / 3, 6);
  expect([...after.slice(0, 3), ...after.slice(4)]).toEqual(before);
});

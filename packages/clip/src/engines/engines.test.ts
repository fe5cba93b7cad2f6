import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { describeEngine } from "./describe-engine.js";
import { startBackend, tfjsBackends } from "./engines.test.kit.js";
import { referenceEngine } from "./reference/index.js";
import { tfjsEngine } from "./tfjs/index.js";

describeEngine({ name: "reference", open: async () => referenceEngine(), tolerance: 1e-6 });
for (const backend of tfjsBackends) {
  describeEngine({
    name: `tfjs ${backend}`,
    open: async () => {
      await startBackend(backend);
      return tfjsEngine({ tf });
    },
    tensors: () => tf.memory().numTensors,
  });
}

const native = tfjsBackends.filter((name) => name === "tensorflow");
test.each(native)("two workers compute on %s at the same time", async () => {
  const addon = createRequire(import.meta.url).resolve("@tensorflow/tfjs-node");
  const program = `
      const tf = require(${JSON.stringify(addon)});
      const rows = tf.tidy(() => {
        let x = tf.range(0, 64).reshape([8, 8]);
        for (let i = 0; i < 500; i++) x = tf.softmax(tf.transpose(tf.matMul(x, x, i % 2 === 0, i % 3 === 0))).mul(8);
        return tf.keep(x.sum(1));
      });
      rows.data().then((sums) => require("node:worker_threads").parentPort.postMessage([...sums]));`;
  const compute = () =>
    new Promise<number[]>((resolve, reject) => {
      new Worker(program, { eval: true })
        .once("message", resolve)
        .once("error", reject)
        .once("exit", (code) => reject(new Error(`the worker ended with ${code}`)));
    });
  for (const sums of await Promise.all([compute(), compute()])) {
    expect(sums).toHaveLength(8);
    for (const sum of sums) expect(sum).toBeCloseTo(8, 4);
  }
});

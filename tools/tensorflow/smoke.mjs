// node smoke.mjs FILE: loads the addon as a program at FILE would, and computes a product and a gradient with it.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(process.argv[2]);
const node = require("@tensorflow/tfjs-node");
const tf = require("@tensorflow/tfjs");
assert.equal(tf.engine(), node.engine(), "tfjs-node found another copy of @tensorflow/tfjs than the project's");
assert.equal(tf.getBackend(), "tensorflow");

const near = async (tensor, expected) =>
  (await tensor.data()).forEach((value, i) =>
    assert.ok(Math.abs(value - expected[i]) < 1e-5, `${value} is not ${expected[i]}`),
  );
const [a, b] = [tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])];
await near(tf.matMul(a, b), [19, 22, 43, 50]);
await near(tf.grad((x) => tf.matMul(x, b).square().sum())(a), [454, 618, 1030, 1402]);
await near(tf.topk(a, 1).values, [2, 4]); // one of the functions that Node 23 broke

const { binding, isUsingGpuDevice } = tf.backend();
console.log(
  `TensorFlow ${binding.TF_Version} on the ${isUsingGpuDevice ? "GPU" : "CPU"}, tfjs ${tf.version["tfjs-core"]}, Node ${process.version}`,
);

import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { describeEngine } from "./describe-engine.js";
import { referenceEngine } from "./reference/index.js";
import { tfjsEngine } from "./tfjs/index.js";

describeEngine({ name: "reference", open: async () => referenceEngine(), tolerance: 1e-6 });
for (const backend of ["cpu", "wasm"]) {
  describeEngine({
    name: `tfjs ${backend}`,
    open: async () => {
      await tf.setBackend(backend);
      return tfjsEngine({ tf });
    },
    tensors: () => tf.memory().numTensors,
  });
}

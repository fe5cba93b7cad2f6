import * as tf from "@tensorflow/tfjs";
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

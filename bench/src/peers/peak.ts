import * as ort from "onnxruntime-node";
import { fill } from "../formula.js";
import { timed } from "../timed.js";
import { matmulModel } from "./matmul-model.js";

const side = 2048;

/** What the machine can do: one product of two 2048 x 2048 matrices, the second a weight, in ONNX Runtime with the towers' options. */
export async function createPeak(threads: number) {
  const session = await ort.InferenceSession.create(matmulModel(side), {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const tensor = (data: Float32Array): ort.Tensor => new ort.Tensor("float32", data, [side, side]);
  const [given, result] = [tensor(fill(2, [side, side], 1).data), tensor(new Float32Array(side * side))];
  return {
    /** Some products in a row; the best counts. */
    async run() {
      let best = { ms: Infinity, cpu: Infinity };
      for (let i = 0; i < 5; i++) {
        const { time } = await timed(() => session.run({ A: given }, { Y: result }));
        best = { ms: Math.min(best.ms, time.ms), cpu: Math.min(best.cpu, time.cpu) };
      }
      return { ...best, flops: 2 * side ** 3 };
    },
  };
}

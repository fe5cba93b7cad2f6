import { expectedShapes, type ClipConfig } from "../config.js";
import type { Floats } from "../floats.js";
import { sizeOf } from "../ops.js";
import type { WeightMap } from "../weights/names.js";
import { formulaFloats } from "./cases.js";

/** A CLIP of two small layers, two heads wide in its text tower, for tests without a file. */
export const formulaConfig: ClipConfig = {
  embedDim: 24,
  imageSize: 12,
  vision: { kind: "vit", width: 64, layers: 2, heads: 1, patchSize: 4 },
  text: { width: 128, layers: 2, heads: 2, contextLength: 20, vocabSize: 30 },
  activation: "quick_gelu",
  mean: [0.5, 0.45, 0.4],
  std: [0.25, 0.26, 0.27],
};

/** The same with a ModifiedResNet of six bottlenecks. */
export const formulaResNetConfig: ClipConfig = {
  ...formulaConfig,
  imageSize: 64,
  vision: { kind: "modified-resnet", width: 4, layers: [1, 2, 1, 1], heads: 2 },
};

/** Such a model's weights, from a formula. */
export function formulaWeights(config: ClipConfig = formulaConfig): WeightMap {
  const weights = new Map<string, Floats>([["logit_scale", { data: new Float32Array([3]), shape: [] }]]);
  for (const [name, shape] of expectedShapes(config)) {
    const variance = name.endsWith(".running_var");
    const gain = /(ln_\w+|bn\d|downsample\.1)\.weight$/.test(name) || variance;
    const amplitude = shape.length === 1 || gain ? 0.25 : 1.5 / Math.sqrt(sizeOf(shape) / shape[0]!);
    weights.set(name, formulaFloats(weights.size, shape, { amplitude, base: gain ? 1 : 0 }));
  }
  return weights;
}

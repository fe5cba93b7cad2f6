import type { ClipConfig, WeightMap } from "../config.js";
import type { Floats } from "../floats.js";
import { pick, readLinear, type LinearWeights } from "./layers.js";

/** A convolution [out,in,k,k] with the batch normalisation after it folded into its weight and bias [out]. */
export interface ConvolutionWeights {
  readonly weight: Floats;
  readonly bias: Floats;
}

/** A bottleneck; `shortCut` is there where the map changes its size or channels. */
export interface BottleneckWeights {
  readonly reduce: ConvolutionWeights;
  readonly inner: ConvolutionWeights;
  readonly expand: ConvolutionWeights;
  readonly shortCut?: ConvolutionWeights;
}

/** A ModifiedResNet's layers. */
export interface ResNetWeights {
  readonly stem: readonly ConvolutionWeights[];
  readonly stages: readonly (readonly BottleneckWeights[])[];
  readonly pool: {
    readonly positions: Floats;
    readonly query: LinearWeights;
    readonly key: LinearWeights;
    readonly value: LinearWeights;
    readonly out: LinearWeights;
  };
}

/** Batch normalisation's epsilon in PyTorch. */
const batchNormEpsilon = 1e-5;

/** Reads the image tower's layers, normalisations folded. */
export function readResNet(weights: WeightMap, { vision }: ClipConfig): ResNetWeights {
  if (vision.kind !== "modified-resnet")
    throw new Error(`expected a ModifiedResNet, came a tower of kind ${vision.kind}`);
  const fold = (name: string, norm: string) => foldNorm(weights, `visual.${name}.weight`, `visual.${norm}`);
  const pool = (part: string) => readLinear(weights, `visual.attnpool.${part}_proj`);
  return {
    stem: [1, 2, 3].map((i) => fold(`conv${i}`, `bn${i}`)),
    stages: vision.layers.map((count, stage) =>
      Array.from({ length: count }, (_, i) => {
        const name = `layer${stage + 1}.${i}`;
        const [reduce, inner, expand] = [1, 2, 3].map((k) => fold(`${name}.conv${k}`, `${name}.bn${k}`));
        return {
          reduce: reduce!,
          inner: inner!,
          expand: expand!,
          ...(i === 0 ? { shortCut: fold(`${name}.downsample.0`, `${name}.downsample.1`) } : {}),
        };
      }),
    ),
    pool: {
      positions: pick(weights, "visual.attnpool.positional_embedding"),
      query: pool("q"),
      key: pool("k"),
      value: pool("v"),
      out: pool("c"),
    },
  };
}

/** A convolution followed by a frozen batch normalisation as one convolution, in doubles and rounded once. */
function foldNorm(weights: WeightMap, convolution: string, norm: string): ConvolutionWeights {
  const { data, shape } = pick(weights, convolution);
  const [gain, offset, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
    (part) => pick(weights, `${norm}.${part}`).data,
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const out = shape[0]!;
  const step = data.length / out;
  const weight = new Float32Array(data.length);
  const bias = new Float32Array(out);
  for (let o = 0; o < out; o++) {
    const scale = gain[o]! / Math.sqrt(variance[o]! + batchNormEpsilon);
    bias[o] = offset[o]! - mean[o]! * scale;
    for (let i = o * step; i < (o + 1) * step; i++) weight[i] = data[i]! * scale;
  }
  return { weight: { data: weight, shape }, bias: { data: bias, shape: [out] } };
}

import type { Activation, ClipConfig, WeightMap } from "../config.js";
import type { Floats } from "../floats.js";
import type { Ops } from "../ops.js";

/** Called with a tower's intermediate values, for tests that compare them with a reference. */
export type Observer = <T>(stage: string, value: T) => void;

/** A linear layer in PyTorch's layout: weight [out, in], bias [out]. */
export interface LinearWeights {
  readonly weight: Floats;
  readonly bias?: Floats;
}

/** A layer normalisation's gain and bias. */
export interface NormWeights {
  readonly weight: Floats;
  readonly bias: Floats;
}

/** One residual attention block, its input projection cut in queries, keys and values. */
export interface BlockWeights {
  readonly norm1: NormWeights;
  readonly query: LinearWeights;
  readonly key: LinearWeights;
  readonly value: LinearWeights;
  readonly out: LinearWeights;
  readonly norm2: NormWeights;
  readonly expand: LinearWeights;
  readonly contract: LinearWeights;
}

/** The array of that name; `checkWeights` has seen it. */
export function pick(weights: WeightMap, name: string): Floats {
  const value = weights.get(name);
  if (value === undefined) throw new Error(`expected a weight named ${name}, came none`);
  return value;
}

/** Rows `start` to `end` of the first axis, without a copy. */
export function rowsOf({ data, shape }: Floats, start: number, end: number): Floats {
  const step = data.length / shape[0]!;
  return { data: data.subarray(start * step, end * step), shape: [end - start, ...shape.slice(1)] };
}

/** A projection stored [in, out], as CLIP's last ones are, in the layout of a linear layer. */
export function transposed({ data, shape }: Floats): Floats {
  const [rows, columns] = shape as [number, number];
  const result = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j]!;
  return { data: result, shape: [columns, rows] };
}

/** The normalisation's weights under a name. */
export function readNorm(weights: WeightMap, name: string): NormWeights {
  return { weight: pick(weights, `${name}.weight`), bias: pick(weights, `${name}.bias`) };
}

/** The linear layer's weights under a name. */
export function readLinear(weights: WeightMap, name: string): LinearWeights {
  return { weight: pick(weights, `${name}.weight`), bias: pick(weights, `${name}.bias`) };
}

/** The blocks under a name, first to last. */
export function readBlocks(weights: WeightMap, prefix: string, { layers }: { layers: number }): BlockWeights[] {
  const read = (name: string): LinearWeights => readLinear(weights, name);
  return Array.from({ length: layers }, (_, layer) => {
    const name = `${prefix}${layer}`;
    const joined = pick(weights, `${name}.attn.in_proj_weight`);
    const bias = pick(weights, `${name}.attn.in_proj_bias`);
    const width = bias.data.length / 3;
    const part = (i: number): LinearWeights => ({
      weight: rowsOf(joined, i * width, (i + 1) * width),
      bias: rowsOf(bias, i * width, (i + 1) * width),
    });
    return {
      norm1: readNorm(weights, `${name}.ln_1`),
      query: part(0),
      key: part(1),
      value: part(2),
      out: read(`${name}.attn.out_proj`),
      norm2: readNorm(weights, `${name}.ln_2`),
      expand: read(`${name}.mlp.c_fc`),
      contract: read(`${name}.mlp.c_proj`),
    };
  });
}

/** Takes bytes as floats 0 to 255, channels last, to pixels of mean 0 and spread 1. */
export function normalizePixels({ mean, std }: ClipConfig): <T>(ops: Ops<T>, x: T) => T {
  const scale = { data: Float32Array.from(std, (each) => 1 / (255 * each)), shape: [3] };
  const shift = { data: Float32Array.from(mean, (each, i) => -each / std[i]!), shape: [3] };
  return (ops, x) => ops.add(ops.multiply(x, ops.constant(scale)), ops.constant(shift));
}

/** x W' + b. */
export function linear<T>(ops: Ops<T>, x: T, { weight, bias }: LinearWeights): T {
  return ops.linear(x, weight, bias);
}

/** Layer normalisation. */
export function norm<T>(ops: Ops<T>, x: T, { weight, bias }: NormWeights): T {
  return ops.layerNorm(x, weight, bias);
}

/** The second half of a block: what attention gave is projected and added, then the feed-forward part. */
export function finishBlock<T>(ops: Ops<T>, x: T, attended: T, block: BlockWeights, activation: Activation): T {
  const y = ops.add(x, linear(ops, attended, block.out));
  const hidden = linear(ops, norm(ops, y, block.norm2), block.expand); // [..., 4 * width]
  const active = activation === "gelu" ? ops.gelu(hidden) : ops.quickGelu(hidden);
  return ops.add(y, linear(ops, active, block.contract));
}

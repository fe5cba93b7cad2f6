import { regionGrid, type ClipConfig, type WeightMap } from "../config.js";
import type { Program } from "../engines/engine.js";
import type { Ops } from "../ops.js";
import { linear, normalizePixels, type Observer } from "./layers.js";
import { readResNet, type BottleneckWeights, type ConvolutionWeights, type ResNetWeights } from "./resnet-layers.js";

/**
 * The ModifiedResNet as a program: pixels [B,S,S,3] to global features [B,E] and, with `local`, region features [B,P,E]. Bytes are
 * normalised inside, floats are taken as normalised. Attention pooling asks with one token, the regions' mean; local features are the
 * pool's value path for each region of the last map, before positions are added (`clip_w_local/model.py`).
 */
export function modifiedResNet({
  weights,
  config,
  local,
  bytes,
  observe,
  layers = readResNet(weights, config),
}: {
  weights: WeightMap;
  config: ClipConfig;
  local: boolean;
  bytes: boolean;
  observe?: Observer;
  layers?: ResNetWeights;
}): Program {
  const { vision, imageSize, embedDim } = config;
  const regions = regionGrid(config) ** 2;
  const { stem, stages, pool } = layers;
  const normalize = normalizePixels(config);

  return {
    name: `modified-resnet${local ? "-local" : ""}`,
    inputs: [{ type: bytes ? "uint8" : "float32", shape: [{ symbol: "B" }, imageSize, imageSize, 3] }],
    run<T>(ops: Ops<T>, [input]: readonly T[]): readonly T[] {
      let x = ops.scope(() => {
        const pixels = bytes ? normalize(ops, input as T) : (input as T);
        const convolved = stem.reduce((map, each, i) => convolve(ops, map, each, i === 0 ? 2 : 1), pixels);
        return ops.averagePool(convolved, 2);
      }); // [B, S/4, S/4, W]
      observe?.("after_stem", x);
      for (const [stage, blocks] of stages.entries()) {
        for (const [i, block] of blocks.entries()) {
          const stride = stage > 0 && i === 0 ? 2 : 1;
          const y = ops.scope(() => bottleneck(ops, x, block, stride));
          ops.free(x);
          x = y;
        }
        observe?.(`after_layer${stage + 1}`, x);
      }
      return ops.scope(() => {
        const map = ops.reshape(x, [-1, regions, vision.width * 32]); // [B, P, C]
        const mean = ops.affine(ops.sum(map, [1]), { scale: 1 / regions });
        const tokens = ops.add(ops.concat([mean, map], 1), ops.constant(pool.positions)); // [B, 1+P, C]
        const [first] = ops.split(tokens, 1, [1, regions]);
        const [k, v] = [linear(ops, tokens, pool.key), linear(ops, tokens, pool.value)];
        const attended = ops.attention(linear(ops, first!, pool.query), k, v, { heads: vision.heads, causal: false });
        const global = ops.reshape(linear(ops, attended, pool.out), [-1, embedDim]);
        return local ? [global, linear(ops, linear(ops, map, pool.value), pool.out)] : [global];
      });
    },
  };
}

/** Convolution, normalisation (folded into it) and max(x, 0), keeping the map's size but for the stride. */
function convolve<T>(ops: Ops<T>, x: T, { weight, bias }: ConvolutionWeights, stride = 1, relu = true): T {
  return ops.convolve(x, weight, bias, { stride, padding: (weight.shape[2]! - 1) / 2, relu });
}

/** A residual block; strides are means of squares, before the last convolution and on the short cut. */
function bottleneck<T>(ops: Ops<T>, x: T, { reduce, inner, expand, shortCut }: BottleneckWeights, stride: number): T {
  const shrink = (map: T): T => (stride === 1 ? map : ops.averagePool(map, stride));
  const hidden = shrink(convolve(ops, convolve(ops, x, reduce), inner));
  const y = convolve(ops, hidden, expand, 1, false);
  const identity = shortCut === undefined ? x : convolve(ops, shrink(x), shortCut, 1, false);
  return ops.relu(ops.add(y, identity));
}

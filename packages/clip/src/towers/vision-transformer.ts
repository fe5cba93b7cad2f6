import type { ClipConfig, WeightMap } from "../config.js";
import type { Program } from "../engines/engine.js";
import type { Ops } from "../ops.js";
import {
  finishBlock,
  linear,
  norm,
  normalizePixels,
  pick,
  readBlocks,
  readNorm,
  transposed,
  type Observer,
} from "./layers.js";

/**
 * The vision transformer as a program: pixels [B,S,S,3] to global features [B,E] and, with `local`, region features [B,P,E].
 * Bytes are normalised inside, floats are taken as normalised. Local features are the last block's value path
 * (`clip_w_local/model.py`): that block with attention replaced by identity. Nothing else needs attention from the
 * regions there, so in the last block only the class token asks; with an observer that block runs in full.
 */
export function visionTransformer({
  weights,
  config,
  local,
  bytes,
  observe,
}: {
  weights: WeightMap;
  config: ClipConfig;
  local: boolean;
  bytes: boolean;
  observe?: Observer;
}): Program {
  const { vision, imageSize, embedDim, activation } = config;
  if (vision.kind !== "vit") throw new Error(`expected a vision transformer, came a tower of kind ${vision.kind}`);
  const { width, heads, patchSize } = vision;
  const grid = imageSize / patchSize;
  const regions = grid * grid;
  const patchWeight = byPixel(pick(weights, "visual.conv1.weight"));
  const classToken = { ...pick(weights, "visual.class_embedding"), shape: [1, 1, width] };
  const positions = pick(weights, "visual.positional_embedding");
  const before = readNorm(weights, "visual.ln_pre");
  const blocks = readBlocks(weights, "visual.transformer.resblocks.", vision);
  const after = readNorm(weights, "visual.ln_post");
  const projection = { weight: transposed(pick(weights, "visual.proj")) };
  const normalize = normalizePixels(config);

  /** A convolution whose step is its size: each patch's pixels times one matrix. */
  const embed = <T>(ops: Ops<T>, input: T): T =>
    ops.scope(() => {
      const pixels = bytes ? normalize(ops, input) : input;
      const cells = ops.reshape(pixels, [-1, grid, patchSize, grid, patchSize * 3]);
      const patches = ops.reshape(ops.transpose(cells, [0, 1, 3, 2, 4]), [-1, regions, patchSize * patchSize * 3]);
      const embedded = ops.linear(patches, patchWeight); // [B, P, W]
      observe?.("after_conv1", embedded);
      const batch = ops.shape(embedded)[0]!;
      const tokens = ops.concat([ops.add(ops.zeros([batch, 1, width]), ops.constant(classToken)), embedded], 1);
      return norm(ops, ops.add(tokens, ops.constant(positions)), before); // [B, 1+P, W]
    });

  return {
    name: `vision-transformer${local ? "-local" : ""}`,
    inputs: [{ type: bytes ? "uint8" : "float32", shape: [{ symbol: "B" }, imageSize, imageSize, 3] }],
    run<T>(ops: Ops<T>, [input]: readonly T[]): readonly T[] {
      const project = (x: T): T => linear(ops, x, projection);
      let x = embed(ops, input as T);
      observe?.("after_ln_pre", x);
      for (const [layer, block] of blocks.slice(0, -1).entries()) {
        const y = ops.scope(() => {
          const a = norm(ops, x, block.norm1);
          const [q, k, v] = [block.query, block.key, block.value].map((part) => linear(ops, a, part)) as [T, T, T];
          return finishBlock(ops, x, ops.attention(q, k, v, { heads, causal: false }), block, activation);
        });
        ops.free(x);
        x = y;
        observe?.(`after_block_${layer}`, x);
      }
      const block = blocks.at(-1)!;
      return ops.scope(() => {
        const a = norm(ops, x, block.norm1);
        const first = (t: T): T => ops.split(t, 1, [1, regions])[0]!;
        const asking = (t: T): T => (observe === undefined ? first(t) : t);
        const v = linear(ops, a, block.value);
        const attended = ops.attention(linear(ops, asking(a), block.query), linear(ops, a, block.key), v, {
          heads,
          causal: false,
        });
        const last = finishBlock(ops, asking(x), attended, block, activation);
        observe?.(`after_block_${blocks.length - 1}`, last);
        const summary = norm(ops, observe === undefined ? last : first(last), after); // [B, 1, W]
        observe?.("before_projection", summary);
        const global = ops.reshape(project(summary), [-1, embedDim]);
        if (!local) return [global];
        const path = finishBlock(ops, x, v, block, activation);
        observe?.("local_path_last_block", path);
        const each = norm(ops, ops.split(path, 1, [1, regions])[1]!, after); // [B, P, W]
        observe?.("local_before_projection", each);
        return [global, project(each)];
      });
    },
  };
}

/** A convolution's weight [W,3,p,p] as a matrix [W, p*p*3] over pixels whose channels come last. */
function byPixel({ data, shape }: { data: Float32Array; shape: readonly number[] }) {
  const [width, channels, side] = shape as [number, number, number, number];
  const area = side * side;
  const result = new Float32Array(data.length);
  for (let w = 0; w < width; w++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < area; i++) result[(w * area + i) * channels + c] = data[(w * channels + c) * area + i]!;
    }
  }
  return { data: result, shape: [width, area * channels] };
}

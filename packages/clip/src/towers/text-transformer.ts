import type { ClipConfig, WeightMap } from "../config.js";
import type { InputSpec, Program } from "../engines/engine.js";
import type { Ops } from "../ops.js";
import { finishBlock, linear, norm, pick, readBlocks, readNorm, transposed, type Observer } from "./layers.js";

/**
 * The text transformer as a program: prompts to class features [C,E]. Inputs, those with a gradient first:
 * with `prefix` shared [1,N,D], own [C,S,D], positions [1,N,D] and [1,S,D], ends [C,1,S]; without it own, its positions, ends.
 * `ends` holds a 1 at each end token. The causal mask hides a class's own tokens from the shared beginning, so that
 * is computed once; in the last block it only gives keys and values, and only end tokens go on after attention
 * (with an observer that block runs in full).
 */
export function textTransformer({
  weights,
  config,
  prefix,
  observe,
}: {
  weights: WeightMap;
  config: ClipConfig;
  prefix: boolean;
  observe?: Observer;
}): Program {
  const { text, embedDim, activation } = config;
  const { width, heads } = text;
  const blocks = readBlocks(weights, "transformer.resblocks.", text);
  const after = readNorm(weights, "ln_final");
  const projection = { weight: transposed(pick(weights, "text_projection")) };
  const [c, n, s] = [{ symbol: "C" }, { symbol: "N" }, { symbol: "S" }];
  const spec = (...shape: InputSpec["shape"]): InputSpec => ({ type: "float32", shape });

  return {
    name: `text-transformer${prefix ? "-shared" : ""}`,
    inputs: prefix
      ? [spec(1, n, width), spec(c, s, width), spec(1, n, width), spec(1, s, width), spec(c, 1, s)]
      : [spec(c, s, width), spec(1, s, width), spec(c, 1, s)],
    run<T>(ops: Ops<T>, inputs: readonly T[]): readonly T[] {
      const [shared, own, sharedPositions, ownPositions, ends] = (
        prefix ? inputs : [undefined, inputs[0], undefined, inputs[1], inputs[2]]
      ) as [T, T, T, T, T];
      const takeEnd = (x: T): T => ops.matMul(ends, x); // [C, S, D] -> [C, 1, D]
      let x = ops.add(own, ownPositions);
      let p = prefix ? ops.add(shared, sharedPositions) : undefined;
      observe?.("after_embedding", x);
      for (const [layer, block] of blocks.entries()) {
        const last = layer === blocks.length - 1;
        const next = ops.scope(() => {
          const a = norm(ops, x, block.norm1);
          const parts = (t: T) => ({ k: linear(ops, t, block.key), v: linear(ops, t, block.value) });
          const b = p === undefined ? undefined : norm(ops, p, block.norm1);
          const shown = b === undefined ? undefined : parts(b);
          const { k, v } = parts(a);
          const attended = ops.attention(linear(ops, a, block.query), k, v, {
            heads,
            causal: true,
            ...(shown === undefined ? {} : { prefix: shown }),
          });
          const endsOnly = last && observe === undefined;
          const y = endsOnly
            ? finishBlock(ops, takeEnd(x), takeEnd(attended), block, activation)
            : finishBlock(ops, x, attended, block, activation);
          if (p === undefined || b === undefined || shown === undefined || last) return { x: y };
          const q = linear(ops, b, block.query);
          const among = ops.attention(q, shown.k, shown.v, { heads, causal: true });
          return { x: y, p: finishBlock(ops, p, among, block, activation) };
        });
        ops.free(x);
        if (p !== undefined) ops.free(p);
        x = next.x;
        p = next.p;
        observe?.(`after_block_${layer}`, x);
      }
      return ops.scope(() => {
        const normal = norm(ops, x, after);
        observe?.("after_ln_final", normal);
        const summary = observe === undefined ? normal : takeEnd(normal);
        observe?.("before_projection", summary);
        return [ops.reshape(linear(ops, summary, projection), [-1, embedDim])];
      });
    },
  };
}

import type { ClipConfig, WeightMap } from "../config.js";
import type { InputSpec, Program } from "../engines/engine.js";
import type { Ops } from "../ops.js";
import { finishBlock, linear, norm, pick, readBlocks, readNorm, transposed, type Observer } from "./layers.js";

/**
 * The text transformer as a program: prompts to class features [C,E]. Own tokens of all classes lie packed, row behind row
 * [R,D], behind the shared beginning [N,D]: nothing is padded but what attention sees, C classes of S slots. Inputs, those
 * with a gradient first: with `prefix` shared [N,D]; own [R,D]; with `prefix` its positions [N,D]; own positions [R,D]; row
 * of each slot [C,S] (any, where a class has fewer) and 1 for the slots that are taken [C,S]; slot of each row [R]; end
 * token's row of each class [C]; class of each row [R] and 1 for end tokens [R,1].
 * The causal mask hides a class's own tokens from the shared beginning, so that is computed once. In the last block it only
 * gives keys and values, and only end tokens go on after attention (with an observer that block runs in full).
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
  const [c, n, r, s] = ["C", "N", "R", "S"].map((symbol) => ({ symbol })) as [Sym, Sym, Sym, Sym];
  const spec = (...shape: InputSpec["shape"]): InputSpec => ({ type: "float32", shape });
  const shared = prefix ? [spec(n, width)] : [];

  return {
    name: `text-transformer${prefix ? "-shared" : ""}`,
    inputs: [
      ...shared,
      spec(r, width),
      ...shared,
      spec(r, width),
      spec(c, s),
      spec(c, s),
      spec(r),
      spec(c),
      spec(r),
      spec(r, 1),
    ],
    run<T>(ops: Ops<T>, inputs: readonly T[]): readonly T[] {
      const [slots, taken, places, ends, classOf, isEnd] = inputs.slice(-6) as [T, T, T, T, T, T];
      const tokens = inputs.slice(0, prefix ? 2 : 1);
      const positions = inputs.slice(tokens.length, -6);
      const [classes, length] = ops.shape(slots);
      const slotRows = ops.reshape(slots, [-1]);
      const slotMask = ops.reshape(taken, [-1, 1]);
      const rowCount = ops.shape(places)[0]!;
      const sharedCount = prefix ? ops.shape(inputs[0]!)[0]! : 0;

      /** Rows of the beginning, if there is one, and of the classes. */
      const cut = (x: T): { first?: T; own: T } => {
        if (!prefix) return { own: x };
        const [first, own] = ops.split(x, 0, [sharedCount, rowCount]) as [T, T];
        return { first, own };
      };
      const join = (first: T | undefined, own: T): T => (first === undefined ? own : ops.concat([first, own], 0));
      const batched = (x: T): T => ops.reshape(x, [1, sharedCount, width]); // [N, D] -> [1, N, D]
      const spread = (x: T): T =>
        ops.reshape(ops.gatherRows(x, slotRows, { index: places }), [classes!, length!, width]); // [R, D] -> [C, S, D]
      const pack = (x: T): T =>
        ops.gatherRows(ops.reshape(x, [-1, width]), places, { index: slotRows, mask: slotMask }); // [C, S, D] -> [R, D]
      const takeEnd = (x: T): T => ops.gatherRows(x, ends, { index: classOf, mask: isEnd }); // [R, D] -> [C, D]

      const placed = tokens.map((each, i) => ops.add(each, positions[i]!));
      let x = join(prefix ? placed[0]! : undefined, placed.at(-1)!);
      observe?.("after_embedding", x);
      for (const [layer, block] of blocks.entries()) {
        const last = layer === blocks.length - 1;
        const next = ops.scope(() => {
          const a = norm(ops, x, block.norm1); // [N + R, D]
          const k = cut(linear(ops, a, block.key));
          const v = cut(linear(ops, a, block.value));
          const shown =
            k.first !== undefined && v.first !== undefined ? { k: batched(k.first), v: batched(v.first) } : undefined;
          const q = last ? { own: linear(ops, cut(a).own, block.query) } : cut(linear(ops, a, block.query));
          const attended = pack(
            ops.attention(spread(q.own), spread(k.own), spread(v.own), {
              heads,
              causal: true,
              ...(shown === undefined ? {} : { prefix: shown }),
            }),
          );
          if (last && observe === undefined) {
            return finishBlock(ops, takeEnd(cut(x).own), takeEnd(attended), block, activation);
          }
          if (last) return finishBlock(ops, cut(x).own, attended, block, activation);
          const among =
            shown === undefined || q.first === undefined
              ? undefined
              : ops.reshape(ops.attention(batched(q.first), shown.k, shown.v, { heads, causal: true }), [
                  sharedCount,
                  width,
                ]);
          return finishBlock(ops, x, join(among, attended), block, activation);
        });
        ops.free(x);
        x = next;
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

type Sym = { readonly symbol: string };

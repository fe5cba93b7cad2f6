import type { ClipConfig, WeightMap } from "../config.js";
import type { InputSpec, Program } from "../engines/engine.js";
import type { Ops } from "../ops.js";
import {
  finishBlock,
  linear,
  norm,
  pick,
  readBlocks,
  readNorm,
  transposed,
  type BlockWeights,
  type Observer,
} from "./layers.js";

/** Keys and values [1,N,D] of one block, of what all prompts begin with. */
interface Shown<T> {
  readonly k: T;
  readonly v: T;
}

/** The text transformer as programs. */
export interface TextPrograms {
  /** Prompts without a shared beginning. Inputs own [C,S,D], positions [1,S,D], ends [C,1,S]; output class features [C,E]. */
  readonly alone: Program;
  /** The shared beginning. Inputs shared [1,N,D], positions [1,N,D]; outputs keys and values [1,N,D], two for each block. */
  readonly beginning: Program;
  /** What follows it. Inputs own [C,S,D], the keys and values, positions [1,S,D], ends [C,1,S]; output class features [C,E]. */
  readonly after: Program;
}

/**
 * The text transformer; inputs with a gradient come first, `ends` holds a 1 at each end token. The causal mask hides a
 * class's own tokens from the shared beginning, so that is computed once, whatever the classes are, and gives keys and
 * values. In the last block only end tokens go on after attention (with an observer that block runs in full).
 */
export function textTransformer({
  weights,
  config,
  observe,
}: {
  weights: WeightMap;
  config: ClipConfig;
  observe?: Observer;
}): TextPrograms {
  const { text, embedDim, activation } = config;
  const { width, heads } = text;
  const blocks = readBlocks(weights, "transformer.resblocks.", text);
  const after = readNorm(weights, "ln_final");
  const projection = { weight: transposed(pick(weights, "text_projection")) };
  const [c, n, s] = [{ symbol: "C" }, { symbol: "N" }, { symbol: "S" }];
  const spec = (...shape: InputSpec["shape"]): InputSpec => ({ type: "float32", shape });

  const keysAndValues = <T>(ops: Ops<T>, normal: T, block: BlockWeights): Shown<T> => ({
    k: linear(ops, normal, block.key),
    v: linear(ops, normal, block.value),
  });
  /** Prompts, or what follows their beginning, to class features. */
  const encode = <T>(
    ops: Ops<T>,
    { own, positions, ends, shown }: { own: T; positions: T; ends: T; shown?: readonly Shown<T>[] },
  ): T => {
    const takeEnd = (x: T): T => ops.matMul(ends, x); // [C, S, D] -> [C, 1, D]
    let x = ops.add(own, positions);
    observe?.("after_embedding", x);
    for (const [layer, block] of blocks.entries()) {
      const y = ops.scope(() => {
        const a = norm(ops, x, block.norm1);
        const { k, v } = keysAndValues(ops, a, block);
        const prefix = shown?.[layer];
        const attended = ops.attention(linear(ops, a, block.query), k, v, {
          heads,
          causal: true,
          ...(prefix === undefined ? {} : { prefix }),
        });
        const endsOnly = layer === blocks.length - 1 && observe === undefined;
        return endsOnly
          ? finishBlock(ops, takeEnd(x), takeEnd(attended), block, activation)
          : finishBlock(ops, x, attended, block, activation);
      });
      ops.free(x);
      x = y;
      observe?.(`after_block_${layer}`, x);
    }
    return ops.scope(() => {
      const normal = norm(ops, x, after);
      observe?.("after_ln_final", normal);
      const summary = observe === undefined ? normal : takeEnd(normal);
      observe?.("before_projection", summary);
      return ops.reshape(linear(ops, summary, projection), [-1, embedDim]);
    });
  };

  return {
    alone: {
      name: "text-transformer",
      inputs: [spec(c, s, width), spec(1, s, width), spec(c, 1, s)],
      run: <T>(ops: Ops<T>, inputs: readonly T[]) => {
        const [own, positions, ends] = inputs as readonly [T, T, T];
        return [encode(ops, { own, positions, ends })];
      },
    },
    beginning: {
      name: "text-transformer-beginning",
      inputs: [spec(1, n, width), spec(1, n, width)],
      run<T>(ops: Ops<T>, inputs: readonly T[]) {
        const [shared, positions] = inputs as readonly [T, T];
        const outputs: T[] = [];
        let x = ops.add(shared, positions);
        for (const [layer, block] of blocks.entries()) {
          const { k, v, y } = ops.scope(() => {
            const a = norm(ops, x, block.norm1);
            const { k, v } = keysAndValues(ops, a, block);
            if (layer === blocks.length - 1) return { k, v, y: undefined };
            const attended = ops.attention(linear(ops, a, block.query), k, v, { heads, causal: true });
            return { k, v, y: finishBlock(ops, x, attended, block, activation) };
          });
          outputs.push(k, v);
          ops.free(x);
          if (y !== undefined) x = y;
        }
        return outputs;
      },
    },
    after: {
      name: "text-transformer-after",
      inputs: [
        spec(c, s, width),
        ...blocks.flatMap(() => [spec(1, n, width), spec(1, n, width)]),
        spec(1, s, width),
        spec(c, 1, s),
      ],
      run: <T>(ops: Ops<T>, inputs: readonly T[]) => {
        const [positions, ends] = inputs.slice(-2) as [T, T];
        const shown = blocks.map((_, layer) => ({ k: inputs[1 + 2 * layer]!, v: inputs[2 + 2 * layer]! }));
        return [encode(ops, { own: inputs[0]!, positions, ends, shown })];
      },
    },
  };
}

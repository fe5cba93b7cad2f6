import type { EngineSession, Program } from "../engines/engine.js";
import type { Floats } from "../floats.js";
import type { Ops } from "../ops.js";
import type { Compared, ImageFeatures, Similarity } from "./contracts.js";

/**
 * Cosines of pictures with classes in an engine's session: two matrix products and, with gradient, two more on the way
 * back. Lengths divide the products, not the pictures' features, which may be large. A row of zeros gives NaN.
 *
 * @example
 * ```ts
 * import { createSimilarity } from "@locoop/clip";
 * import { tfjsEngine } from "@locoop/clip/tfjs";
 * import * as tf from "@tensorflow/tfjs";
 *
 * await tf.setBackend("cpu");
 * const session = tfjsEngine({ tf }).open();
 * const classes = { data: new Float32Array([1, 0, 0, 5]), shape: [2, 2] };
 * const global = { data: new Float32Array([2, 0]), shape: [1, 2] };
 * const compared = await createSimilarity({ session }).compare({ global }, classes, { gradient: false });
 * console.log(compared.global.data.join(" ")); // → 1 0
 * session.dispose();
 * ```
 */
export function createSimilarity({ session }: { session: EngineSession }): Similarity {
  const programs = new Map<string, Program>();
  const programFor = (width: number, local: boolean): Program => {
    const key = `${width} ${local}`;
    const program = programs.get(key) ?? similarityProgram(width, local);
    programs.set(key, program);
    return program;
  };
  return {
    async compare(images, classes, { gradient }): Promise<Compared> {
      const width = checkWidths(images, classes);
      const { global, local } = images;
      const rows = local && { data: local.data, shape: [local.shape[0]! * local.shape[1]!, width] };
      const inputs = [classes, global, ...(rows === undefined ? [] : [rows])];
      const program = programFor(width, local !== undefined);
      const recorded = gradient ? await session.record(program, inputs, { differentiate: 1 }) : undefined;
      const [ofGlobal, ofRows] = recorded?.outputs ?? (await session.run(program, inputs));
      return {
        global: ofGlobal!,
        local: local && { data: ofRows!.data, shape: [...local.shape.slice(0, 2), classes.shape[0]!] },
        async pullback(gradients) {
          if (recorded === undefined)
            throw new Error("pullback: expected a comparison with gradient, this is one without");
          const seeds = [gradients.global, ...(gradients.local === undefined ? [] : [gradients.local])];
          const outputs = recorded.outputs.map(({ shape }, i) => ({ data: seeds[i]!, shape }));
          return (await recorded.pullback(outputs))[0]!.data;
        },
        dispose: () => recorded?.dispose(),
      };
    },
  };
}

/** Classes [C,E], pictures [B,E] and, with `local`, regions [R,E], to products [B,C] and [R,C] of unit vectors. */
function similarityProgram(width: number, local: boolean): Program {
  const rows = (symbol: string) => ({ type: "float32" as const, shape: [{ symbol }, width] });
  return {
    name: `similarity${local ? "-local" : ""}`,
    inputs: [rows("C"), rows("B"), ...(local ? [rows("R")] : [])],
    run<T>(ops: Ops<T>, [classes, ...pictures]: readonly T[]) {
      const inverseLengths = (x: T): T => ops.rsqrt(ops.sum(ops.multiply(x, x), [1]));
      const directions = ops.multiply(classes as T, inverseLengths(classes as T));
      return pictures.map((x) => ops.multiply(ops.matMul(x, directions, { transposeB: true }), inverseLengths(x)));
    },
  };
}

function checkWidths({ global, local }: ImageFeatures, classes: Floats): number {
  const width = classes.shape.at(-1)!;
  for (const { shape } of [global, ...(local === undefined ? [] : [local])]) {
    if (shape.at(-1) !== width) {
      throw new Error(
        `compare: expected features of width ${width}, the classes', came [${shape}]: encode both with one model`,
      );
    }
  }
  return width;
}

import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import type { Program } from "../engines/engine.js";
import { startEngine } from "../engines/engines.test.kit.js";
import { referenceOps, type Doubles } from "../engines/reference/index.js";
import { createTfjsOps } from "../engines/tfjs/ops.js";
import type { Floats } from "../floats.js";
import type { Ops } from "../ops.js";

/** The largest distance of two numbers at the same place. */
export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return Number.isNaN(most) ? Infinity : most;
};

/** Maps with their channels last, [B,H*W,C], as the reference's [B,C,H*W]; and back with the sizes swapped. */
export const swapLast = (x: ArrayLike<number>, rows: number, columns: number): Float32Array => {
  const result = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const [image, at] = [Math.floor(i / (rows * columns)), i % (rows * columns)];
    result[image * rows * columns + (at % columns) * rows + Math.floor(at / columns)] = x[i]!;
  }
  return result;
};

/** The tower's stages as plain arrays, on plain doubles, on the current tfjs backend or on ONNX Runtime. */
type Observed = Map<string, ArrayLike<number>>;
export const run = {
  reference: async (make: (observe: (stage: string, value: unknown) => void) => Program, xs: Floats[]) => {
    const stages: Observed = new Map();
    const program = make((stage, value) => stages.set(stage, (value as Doubles).data));
    const doubles = xs.map(({ data, shape }) => ({ data: Float64Array.from(data), shape }));
    program.run(referenceOps, doubles).forEach((y, i) => stages.set(`output ${i}`, y.data));
    return stages;
  },
  tfjs: async (make: (observe: (stage: string, value: unknown) => void) => Program, xs: Floats[]) => {
    const kept = new Map<string, tf.Tensor>();
    const ops = createTfjsOps({ tf });
    const program = make((stage, value) => kept.set(stage, tf.keep(tf.clone(value as tf.Tensor))));
    tf.tidy(() =>
      program
        .run(
          ops,
          xs.map(({ data, shape }) => tf.tensor(data, [...shape])),
        )
        .forEach((y, i) => kept.set(`output ${i}`, tf.keep(tf.clone(y)))),
    );
    const stages: Observed = new Map();
    for (const [stage, tensor] of kept) stages.set(stage, await tensor.data());
    for (const tensor of kept.values()) tensor.dispose();
    ops.dispose();
    return stages;
  },
  onnx: async (make: (observe: (stage: string, value: unknown) => void) => Program, xs: Floats[]) => {
    const names: string[] = [];
    const session = (await startEngine("onnx")).open();
    const program: Program = {
      name: "observed",
      inputs: xs.map(({ shape }) => ({ type: "float32", shape })),
      run<T>(ops: Ops<T>, inputs: readonly T[]) {
        const kept: T[] = [];
        const outputs = make((stage, value) => {
          names.push(stage);
          kept.push(value as T);
        }).run(ops, inputs);
        names.push(...outputs.map((_, i) => `output ${i}`));
        return [...kept, ...outputs];
      },
    };
    const values = await session.run(program, xs);
    session.dispose();
    return new Map(values.map(({ data }, i) => [names[i]!, data])) as Observed;
  },
};

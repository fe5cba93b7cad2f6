import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { inferConfig, type WeightMap } from "../config.js";
import type { Program } from "../engines/engine.js";
import { engineNames, startBackend, startEngine } from "../engines/engines.test.kit.js";
import { referenceEngine, referenceOps, type Doubles } from "../engines/reference/index.js";
import { createTfjsOps } from "../engines/tfjs/ops.js";
import type { Ops } from "../ops.js";
import type { Floats } from "../floats.js";
import { cosines } from "../similarity.js";
import { readSafetensors } from "../weights/safetensors.js";
import { createImageTower } from "./image-tower.js";
import { createTextTower } from "./text-tower.js";
import { textTransformer } from "./text-transformer.js";
import { visionTransformer } from "./vision-transformer.js";

const read = (name: string) =>
  readSafetensors(readFileSync(new URL(`../../fixtures/vit-tiny/${name}`, import.meta.url))).tensors;
const weights = read("open_clip_model.safetensors") as unknown as WeightMap;
const inputs = read("inputs.safetensors");
const expected = read("expected.safetensors") as Map<string, Floats>;
const pixels = inputs.get("pixels") as Floats;
const ids = inputs.get("ids")!.data;
const { config } = inferConfig(weights);
const texts = 6;
const length = 77;

// 2e-5 on features and stages, 5e-4 on logits: fp32 arithmetic against the Python reference.
const tolerance = 2e-5;
const logitTolerance = 5e-4;
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return Number.isNaN(most) ? Infinity : most;
};

const { width } = config.text;
const table = weights.get("token_embedding.weight")!;
const positions = weights.get("positional_embedding")!;
const embedded = new Float32Array(texts * length * width);
ids.forEach((id, i) => embedded.set(table.data.subarray(id * width, (id + 1) * width), i * width));
const end = Int32Array.from({ length: texts }, (_, i) => {
  const row = [...ids.subarray(i * length, (i + 1) * length)];
  return row.indexOf(Math.max(...row));
});

/** The tower's stages as plain arrays, on plain doubles, on the current tfjs backend or on ONNX Runtime. */
type Observed = Map<string, ArrayLike<number>>;
const run = {
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

const [b, grid, channels] = [3, 4, config.vision.width];
const lastPixel = ({ data }: Floats, side: number): Floats => {
  const result = new Float32Array(data.length);
  for (let i = 0; i < b * 3 * side * side; i++) {
    const [image, rest] = [Math.floor(i / (3 * side * side)), i % (3 * side * side)];
    const [c, at] = [Math.floor(rest / (side * side)), rest % (side * side)];
    result[(image * side * side + at) * 3 + c] = data[i]!;
  }
  return { data: result, shape: [b, side, side, 3] };
};
/** [B,P,W] as the reference's feature map [B,W,G,G]. */
const asMap = (x: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: x.length }, (_, i) => {
    const area = grid * grid;
    const [image, rest] = [Math.floor(i / (channels * area)), i % (channels * area)];
    return x[(image * area + (rest % area)) * channels + Math.floor(rest / area)]!;
  });

for (const name of ["reference", ...engineNames]) {
  describe(`vit-tiny on ${name}`, () => {
    const start = async () => {
      if (name !== "reference") return startEngine(name);
      await startBackend("cpu"); // not for the engine: these tests count tensors
      return referenceEngine();
    };
    const ready = async (): Promise<keyof typeof run> => {
      await start();
      return name === "reference" || name === "onnx" ? name : "tfjs";
    };

    test("every stage of the image tower", async () => {
      const stages = await run[await ready()](
        (observe) => visionTransformer({ weights, config, local: true, bytes: false, observe }),
        [lastPixel(pixels, config.imageSize)],
      );
      stages.set("after_conv1", asMap(stages.get("after_conv1")!));
      stages.set("features", stages.get("output 0")!);
      stages.set("local_features", stages.get("output 1")!);
      const names = [...expected.keys()].filter((stage) => stage.startsWith("image."));
      expect(names).toHaveLength(9);
      for (const stage of names) {
        const gap = distance(stages.get(stage.slice(6))!, expected.get(stage)!.data);
        expect({ stage, near: gap < tolerance }).toEqual({ stage, near: true });
      }
    });

    test("every stage of the text tower", async () => {
      const [rows, isEnd] = [
        Float32Array.from({ length: texts * length }, (_, row) => row),
        new Float32Array(texts * length),
      ];
      const ends = Float32Array.from(end, (at, i) => i * length + at);
      ends.forEach((row) => (isEnd[row] = 1));
      const placed = Float32Array.from(
        { length: texts * length * width },
        (_, i) => positions.data[i % (length * width)]!,
      );
      const stages = await run[await ready()](
        (observe) => textTransformer({ weights, config, prefix: false, observe }),
        [
          { data: embedded, shape: [texts * length, width] },
          { data: placed, shape: [texts * length, width] },
          { data: rows, shape: [texts, length] },
          { data: rows.map(() => 1), shape: [texts, length] },
          { data: rows, shape: [texts * length] },
          { data: ends, shape: [texts] },
          { data: rows.map((row) => Math.floor(row / length)), shape: [texts * length] },
          { data: isEnd, shape: [texts * length, 1] },
        ],
      );
      stages.set("features", stages.get("output 0")!);
      const names = [...expected.keys()].filter((stage) => stage.startsWith("text."));
      expect(names).toHaveLength(6);
      for (const stage of names) {
        const values = expected.get(stage)!.data;
        // stages with all positions are stored for the first two texts only
        const gap = distance(Array.from(stages.get(stage.slice(5))!).slice(0, values.length), values);
        expect({ stage, near: gap < tolerance }).toEqual({ stage, near: true });
      }
    });

    test("features and logits through the towers, unobserved", async () => {
      const session = (await start()).open();
      const before = tf.memory().numTensors;
      const memoryLimit = 2 ** 31;
      const images = await createImageTower({ session, weights, config, memoryLimit }).encode(pixels, { local: true });
      expect(distance(images.global.data, expected.get("image.features")!.data)).toBeLessThan(tolerance);
      expect(distance(images.local!.data, expected.get("image.local_features")!.data)).toBeLessThan(tolerance);
      const tower = createTextTower({ session, weights, config, memoryLimit });
      // the start token is what these texts share
      const shared = { data: embedded.subarray(0, width), shape: [1, width] };
      const own = new Float32Array(texts * (length - 1) * width);
      for (let i = 0; i < texts; i++) {
        own.set(embedded.subarray((i * length + 1) * width, (i + 1) * length * width), i * (length - 1) * width);
      }
      const encoded = await tower.encode(
        { shared, own: { data: own, shape: [texts, length - 1, width] }, end: end.map((at) => at - 1) },
        { gradient: false },
      );
      expect(distance(encoded.features.data, expected.get("text.features")!.data)).toBeLessThan(tolerance);
      const { global, local } = cosines(images, encoded.features);
      const scale = Math.exp(weights.get("logit_scale")!.data[0]!);
      const scaled = (x: Float32Array) => x.map((value) => value * scale);
      expect(distance(scaled(global), expected.get("logits")!.data)).toBeLessThan(logitTolerance);
      expect(distance(scaled(local!), expected.get("logits_local")!.data)).toBeLessThan(logitTolerance);
      encoded.dispose();
      session.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });
}

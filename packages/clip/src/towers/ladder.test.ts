import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { inferConfig } from "../config.js";
import { engineNames, startBackend, startEngine } from "../engines/engines.test.kit.js";
import { referenceEngine } from "../engines/reference/index.js";
import type { Floats } from "../floats.js";
import { cosines } from "../similarity.js";
import { toOpenAiNames } from "../weights/names.js";
import { readSafetensors } from "../weights/safetensors.js";
import { imagePrograms } from "./image-program.js";
import { createImageTower } from "./image-tower.js";
import { distance, run, swapLast } from "./ladder.test.kit.js";
import { createTextTower } from "./text-tower.js";
import { textTransformer } from "./text-transformer.js";

// fp32 arithmetic against the Python reference, by the tolerances stated with its values: on features and stages, and on logits.
const models = [
  { model: "vit-tiny", imageStages: 9, textStages: 6, tolerance: 2e-5, logitTolerance: 5e-4 },
  { model: "rn-tiny", imageStages: 7, textStages: 5, tolerance: 2e-4, logitTolerance: 5e-3 },
];
const length = 77;

/** A model's weights and inputs, and what the reference makes of them. */
function readModel(model: string) {
  const read = (name: string) =>
    readSafetensors(readFileSync(new URL(`../../fixtures/${model}/${name}`, import.meta.url))).tensors;
  const weights = toOpenAiNames(read("open_clip_model.safetensors") as Map<string, Floats>);
  const inputs = read("inputs.safetensors");
  const ids = inputs.get("ids")!.data;
  const { config } = inferConfig(weights);
  const texts = ids.length / length;
  const { width } = config.text;
  const table = weights.get("token_embedding.weight")!;
  const embedded = new Float32Array(texts * length * width);
  ids.forEach((id, i) => embedded.set(table.data.subarray(id * width, (id + 1) * width), i * width));
  const end = Int32Array.from({ length: texts }, (_, i) => {
    const row = [...ids.subarray(i * length, (i + 1) * length)];
    return row.indexOf(Math.max(...row));
  });
  const expected = read("expected.safetensors") as Map<string, Floats>;
  return { weights, config, texts, width, embedded, end, expected, pixels: inputs.get("pixels") as Floats };
}

describe.each(models)("$model", ({ model, imageStages, textStages, tolerance, logitTolerance }) => {
  const { weights, config, texts, width, embedded, end, expected, pixels } = readModel(model);
  const positions = weights.get("positional_embedding")!;

  describe.each(["reference", ...engineNames])("on %s", (name) => {
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
      const [batch, , side] = pixels.shape as [number, number, number];
      const stages = await run[await ready()](
        (observe) => imagePrograms({ weights, config })({ local: true, bytes: false, observe }),
        [{ data: swapLast(pixels.data, 3, side * side), shape: [batch, side, side, 3] }],
      );
      stages.set("features", stages.get("output 0")!);
      stages.set("local_features", stages.get("output 1")!);
      const names = [...expected.keys()].filter((stage) => stage.startsWith("image."));
      expect(names).toHaveLength(imageStages);
      for (const stage of names) {
        const { data, shape } = expected.get(stage)!;
        const got = stages.get(stage.slice(6))!;
        // the reference's maps have their channels first
        const [, channels, height, columns] = shape;
        const map = columns === undefined ? got : swapLast(got, height! * columns, channels!);
        expect({ stage, near: distance(map, data) < tolerance }).toEqual({ stage, near: true });
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
      expect(names).toHaveLength(textStages);
      for (const stage of names) {
        const values = expected.get(stage)!.data;
        // stages with all positions are stored for the first texts only
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
});

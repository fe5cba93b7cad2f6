import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { inferConfig } from "../config.js";
import { engineNames, startEngine } from "../engines/engines.test.kit.js";
import type { Floats } from "../floats.js";
import { cosines, normalizeRows } from "../similarity.js";
import { readSafetensors } from "../weights/safetensors.js";
import { fill, mix } from "./full-size.test.kit.js";
import { createImageTower } from "./image-tower.js";
import { createTextTower } from "./text-tower.js";

// ViT-B/16 at full size, 149.6 million weights from a formula, against the Python reference, on every engine but tfjs on cpu (many minutes).
// Tolerances as stated with the reference values: features 1e-4, logits 5e-3, loss 1e-3, gradient 1e-3 of its largest entry.
interface Ladder {
  readonly tensors: { tensor: number; name: string; shape: number[]; amplitude: number; base: number }[];
  readonly spot_checks: Record<string, [number, number][]>;
  readonly hash_examples: [number, number][];
  readonly pixels: {
    first_tensor_number: number;
    layers: [number, number, number][];
    spot_checks: [number[], number][];
  };
  readonly local_regions: number[];
  readonly ids: number[][];
  readonly prompt: {
    ctx_tensor_number: number;
    labels: number[];
    top_k: number;
    loss: number;
    eot: number[];
    ids: number[][];
  };
}
const fixture = (name: string) => readFileSync(new URL(`../../fixtures/ladder/${name}`, import.meta.url));
const ladder = JSON.parse(fixture("ladder.json").toString()) as Ladder;
const expected = readSafetensors(fixture("expected.safetensors")).tensors as Map<string, Floats>;

function formulaPixels(count: number): Floats {
  const side = 224;
  const data = new Float32Array(count * 3 * side * side);
  const layers = ladder.pixels.layers.map(([k, block, amplitude]) => ({
    block,
    values: fill(ladder.pixels.first_tensor_number + k, [2, 3, side / block, side / block], amplitude).data,
  }));
  for (const { block, values } of layers) {
    const blocks = side / block;
    for (let i = 0; i < data.length; i++) {
      const [plane, at] = [Math.floor(i / (side * side)), i % (side * side)];
      const [y, x] = [Math.floor(at / side / block), Math.floor((at % side) / block)];
      data[i]! += values[(plane * blocks + y) * blocks + x]!; // rounds to float32 layer by layer
    }
  }
  return { data, shape: [count, 3, side, side] };
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return Number.isNaN(most) ? Infinity : most;
};

/** LoCoOp's loss over cosines and its gradient with respect to the class features, in doubles; lambda 0.25, epsilon 1e-5. */
function lossGradient(o: {
  images: { global: Floats; local: Floats };
  classes: Floats;
  labels: number[];
  topK: number;
  scale: number;
}): { loss: number; gradient: Float32Array } {
  const [c, e] = o.classes.shape as [number, number];
  const regions = o.images.local.shape[1]!;
  const directions = normalizeRows(o.classes).data;
  const towards = new Float64Array(c * e); // gradient with respect to the directions
  const softmax = (z: number[]): number[] => {
    const weights = z.map((value) => Math.exp(value - Math.max(...z)));
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((value) => value / total);
  };
  const visit = (rows: Floats, f: (z: number[], p: number[], row: number) => number[] | undefined): void => {
    const { data } = normalizeRows(rows);
    for (let row = 0; row < data.length / e; row++) {
      const at = data.subarray(row * e, (row + 1) * e);
      const z = Array.from({ length: c }, (_, j) => {
        let total = 0;
        for (let k = 0; k < e; k++) total += at[k]! * directions[j * e + k]!;
        return o.scale * total;
      });
      f(z, softmax(z), row)?.forEach((slope, j) => {
        for (let k = 0; k < e; k++) towards[j * e + k]! += o.scale * slope * at[k]!;
      });
    }
  };
  let [loss, selected] = [0, 0];
  const b = o.labels.length;
  const irrelevant = (z: number[], row: number): boolean => {
    const own = z[o.labels[Math.floor(row / regions)]!]!;
    return z.filter((value) => value > own).length >= o.topK;
  };
  visit(o.images.local, (z, _, row) => void (selected += irrelevant(z, row) ? 1 : 0));
  visit(o.images.global, (_, p, row) => {
    loss -= Math.log(p[o.labels[row]!]!) / b;
    return p.map((value, j) => (value - (j === o.labels[row] ? 1 : 0)) / b);
  });
  visit(o.images.local, (z, p, row) => {
    if (!irrelevant(z, row)) return undefined;
    const share = 0.25 / selected;
    loss += share * p.reduce((total, value) => total + value * Math.log(value + 1e-5), 0);
    const slopes = p.map((value) => Math.log(value + 1e-5) + value / (value + 1e-5));
    const mean = slopes.reduce((total, slope, j) => total + slope * p[j]!, 0);
    return p.map((value, j) => share * value * (slopes[j]! - mean));
  });
  const gradient = new Float32Array(c * e);
  for (let j = 0; j < c; j++) {
    const span = (x: ArrayLike<number>): number[] => Array.from({ length: e }, (_, k) => x[j * e + k]!);
    const [direction, slope] = [span(directions), span(towards)];
    const along = direction.reduce((total, value, k) => total + value * slope[k]!, 0);
    const norm = Math.hypot(...span(o.classes.data));
    for (let k = 0; k < e; k++) gradient[j * e + k] = (slope[k]! - along * direction[k]!) / norm;
  }
  return { loss, gradient };
}

describe("ViT-B/16 at full size", () => {
  const weights = new Map<string, Floats>();
  beforeAll(() => {
    for (const { tensor, name, shape, amplitude, base } of ladder.tensors) {
      weights.set(name, fill(tensor, shape, amplitude, base));
    }
  }, 120_000);

  test("the formula gives the reference's weights and pixels", () => {
    for (const [value, hash] of ladder.hash_examples) expect(mix(value)).toBe(hash);
    for (const [name, checks] of Object.entries(ladder.spot_checks)) {
      for (const [i, value] of checks) expect(weights.get(name)!.data[i]).toBe(value);
    }
    const { data } = formulaPixels(2);
    for (const [[b, c, y, x], value] of ladder.pixels.spot_checks) {
      expect(data[((b! * 3 + c!) * 224 + y!) * 224 + x!]).toBe(value);
    }
  });

  const names = engineNames.filter((name) => name !== "cpu");
  test.each(names)(
    "features, logits, loss and the gradient of the contexts, on %s",
    { timeout: 300_000 },
    async (name) => {
      const engine = await startEngine(name);
      const { config } = inferConfig(weights);
      const { width, contextLength } = config.text;
      expect([config.embedDim, config.imageSize, config.vision.heads, config.text.layers]).toEqual([512, 224, 12, 12]);
      expect(contextLength).toBe(77);
      const session = engine.open();
      const parts = { session, weights, config, memoryLimit: 2 ** 31 };
      const images = await createImageTower(parts).encode(formulaPixels(2), { local: true });
      expect(distance(images.global.data, expected.get("image.features")!.data)).toBeLessThan(1e-4);
      const some = (x: ArrayLike<number>, step: number): number[] =>
        [0, 1].flatMap((b) =>
          ladder.local_regions.flatMap((region) =>
            Array.from({ length: step }, (_, k) => x[(b * 196 + region) * step + k]!),
          ),
        );
      expect(distance(some(images.local!.data, 512), expected.get("image.local_features")!.data)).toBeLessThan(1e-4);

      const table = weights.get("token_embedding.weight")!.data;
      const embed = (rows: number[][], length: number): Floats => {
        const data = new Float32Array(rows.length * length * width);
        rows.forEach((row, c) =>
          row
            .slice(0, length)
            .forEach((id, s) => data.set(table.subarray(id * width, (id + 1) * width), (c * length + s) * width)),
        );
        return { data, shape: [rows.length, length, width] };
      };
      const text = createTextTower(parts);
      const start = { data: table.subarray(49406 * width, 49407 * width), shape: [1, width] };
      const plain = await text.encode(
        {
          shared: start,
          own: embed(
            ladder.ids.map((row) => row.slice(1)),
            16,
          ),
          end: Int32Array.from(ladder.ids, (row) => row.length - 2),
        },
        { gradient: false },
      );
      expect(distance(plain.features.data, expected.get("text.features")!.data)).toBeLessThan(1e-4);

      const { prompt } = ladder;
      const context = fill(prompt.ctx_tensor_number, [16, width], 0.5).data;
      const encoded = await text.encode(
        {
          shared: { data: Float32Array.of(...start.data, ...context), shape: [17, width] },
          own: embed(
            prompt.ids.map((row) => row.slice(17)),
            Math.max(...prompt.eot) - 16,
          ),
          end: Int32Array.from(prompt.eot, (at) => at - 17),
        },
        { gradient: true },
      );
      const scale = Math.exp(weights.get("logit_scale")!.data[0]!);
      const scaled = (x: ArrayLike<number>): number[] => Array.from(x, (value) => value * scale);
      const { global, local } = cosines(images, encoded.features);
      expect(distance(scaled(global), expected.get("logits")!.data)).toBeLessThan(5e-3);
      expect(distance(some(scaled(local!), 20), expected.get("logits_local")!.data)).toBeLessThan(5e-3);

      const { loss, gradient } = lossGradient({
        images: { global: images.global, local: images.local! },
        classes: encoded.features,
        labels: prompt.labels,
        topK: prompt.top_k,
        scale,
      });
      expect(Math.abs(loss - prompt.loss)).toBeLessThan(1e-3);
      const back = await encoded.pullback(gradient);
      const wanted = expected.get("ctx.grad")!.data;
      const largest = Math.max(...wanted.map(Math.abs));
      expect(distance(back.shared.subarray(width), wanted)).toBeLessThan(1e-3 * largest);
      encoded.dispose();
      plain.dispose();
      session.dispose();
    },
  );
});

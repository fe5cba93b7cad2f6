import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { assert, asyncProperty, integer, tuple } from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { formulaFloats } from "../engines/cases.js";
import { referenceEngine } from "../engines/reference/index.js";
import { formulaConfig, formulaWeights } from "../engines/tiny-clip.js";
import { tfjsEngine } from "../engines/tfjs/index.js";
import type { ClipConfig } from "../config.js";
import type { Floats } from "../floats.js";
import { estimateTextMemory } from "./chunks.js";
import type { PromptBatch, TextTower } from "./contracts.js";
import { createTextTower } from "./text-tower.js";

const config: ClipConfig = { ...formulaConfig, text: { ...formulaConfig.text, contextLength: 77 } };
const weights = formulaWeights(config);
const { width } = config.text;
const { embedDim } = config;

function prompts({
  n,
  ends,
  s,
  seed = 0,
}: {
  n: number;
  ends: readonly number[];
  s: number;
  seed?: number;
}): PromptBatch<Floats> {
  return {
    shared: formulaFloats(seed + 10, [n, width]),
    own: formulaFloats(seed + 20, [ends.length, s, width]),
    end: Int32Array.from(ends),
  };
}

/** The same prompts with nothing shared: the beginning repeated in every class, everything written out to 77 positions. */
function writtenOut({ shared, own, end }: PromptBatch<Floats>): PromptBatch<Floats> {
  const [n, [c, s]] = [shared.shape[0]!, own.shape as [number, number, number]];
  const data = formulaFloats(99, [c, 77, width]).data.slice(); // what follows the end token must not matter
  for (let i = 0; i < c; i++) {
    data.set(shared.data, i * 77 * width);
    data.set(own.data.subarray(i * s * width, (i + 1) * s * width), (i * 77 + n) * width);
  }
  return {
    shared: { data: new Float32Array(0), shape: [0, width] },
    own: { data, shape: [c, 77, width] },
    end: end.map((at) => at + n),
  };
}

async function encode(tower: TextTower, batch: PromptBatch<Floats>) {
  const encoded = await tower.encode(batch, { gradient: true });
  const back = await encoded.pullback(formulaFloats(5, [batch.end.length, embedDim]).data);
  encoded.dispose();
  return { features: encoded.features.data, ...back };
}

function near(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(tolerance);
}

const reference = (memoryLimit = 2 ** 31): TextTower =>
  createTextTower({ session: referenceEngine().open(), weights, config, memoryLimit });

test("prompts with a shared beginning give what they give written out at 77 positions, gradients too", async () => {
  const [n, s, ends] = [4, 6, [5, 2, 3, 5]];
  const batch = prompts({ n, s, ends });
  const short = await encode(reference(), batch);
  const long = await encode(reference(), writtenOut(batch));
  // float32 storage of double-precision results
  near(short.features, long.features, 1e-6);
  ends.forEach((end, c) => {
    const from = (c * 77 + n) * width;
    near(
      short.own.subarray(c * s * width, (c * s + end + 1) * width),
      long.own.subarray(from, from + (end + 1) * width),
      1e-6,
    );
    expect(short.own.subarray((c * s + end + 1) * width, (c + 1) * s * width).every((value) => value === 0)).toBe(true);
  });
  const summed = new Float64Array(n * width);
  for (let c = 0; c < ends.length; c++) {
    for (let i = 0; i < n * width; i++) summed[i]! += long.own[c * 77 * width + i]!;
  }
  near(short.shared, summed, 5e-6);
});

test("chunks of classes, kept or recomputed, give what the whole batch gives", async () => {
  const cases = tuple(integer({ min: 0, max: 3 }), integer({ min: 1, max: 6 }), integer({ min: 0, max: 1000 }));
  await assert(
    asyncProperty(cases, integer({ min: 1, max: 40 }), async ([n, classes, seed], share) => {
      const ends = Array.from({ length: classes }, (_, i) => (seed * 7 + i * 3) % 4);
      const batch = prompts({ n, s: 4, ends, seed });
      const { saved, working } = estimateTextMemory(config.text, { classes, length: 4, shared: n });
      const whole = await encode(reference(), batch);
      const parts = await encode(reference(((saved + working) * share) / 30), batch);
      near(parts.features, whole.features, 1e-6);
      near(parts.own, whole.own, 1e-6);
      near(parts.shared, whole.shared, 5e-6);
    }),
    { numRuns: 12, seed: 1 },
  );
});

describe("on tfjs", () => {
  beforeAll(async () => void (await tf.setBackend("wasm")));

  test("nothing is left behind: used, unused, aborted or refused", async () => {
    const session = tfjsEngine({ tf }).open();
    const tower = createTextTower({ session, weights, config, memoryLimit: 250_000 });
    const batch = prompts({ n: 3, s: 4, ends: [3, 1, 2, 3, 3, 3] });
    await encode(tower, batch); // uploads the weights
    const before = tf.memory().numTensors;
    await encode(tower, batch);
    expect(tf.memory().numTensors).toBe(before);
    const unused = await tower.encode(batch, { gradient: true });
    expect(tf.memory().numTensors).toBeGreaterThan(before);
    unused.dispose();
    unused.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await expect(unused.pullback(new Float32Array(6 * embedDim))).rejects.toThrow("this one is disposed");
    const controller = new AbortController();
    const stopped = tower.encode(batch, { gradient: true, signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 0);
    await expect(stopped).rejects.toThrow("enough");
    expect(tf.memory().numTensors).toBe(before);
    session.dispose();
  });

  test("the memory estimate is near what tfjs holds", async () => {
    const session = tfjsEngine({ tf }).open();
    const tower = createTextTower({ session, weights, config, memoryLimit: 2 ** 31 });
    const batch = prompts({ n: 17, s: 6, ends: Array.from({ length: 20 }, () => 5) });
    await encode(tower, batch);
    const before = tf.memory().numBytes;
    const encoded = await tower.encode(batch, { gradient: true });
    const held = tf.memory().numBytes - before;
    const { saved } = estimateTextMemory(config.text, { classes: 20, length: 6, shared: 17 });
    encoded.dispose();
    session.dispose();
    expect(held / saved).toBeGreaterThan(0.6);
    expect(held / saved).toBeLessThan(1.05);
  });
});

test("refuses what it cannot do, in one line", async () => {
  const tower = reference();
  const encodeBatch = (batch: PromptBatch<Floats>) => tower.encode(batch, { gradient: false });
  await expect(encodeBatch(prompts({ n: 70, s: 8, ends: [7] }))).rejects.toThrow(
    "prompts: expected at most 77 tokens, the model's context length, came 78 (70 shared and 8 own): use fewer context tokens or shorter names",
  );
  await expect(encodeBatch(prompts({ n: 1, s: 3, ends: [3] }))).rejects.toThrow("end positions from 0 to 2, came [3]");
  await expect(encodeBatch(prompts({ n: 1, s: 3, ends: [] }))).rejects.toThrow("at least one class");
  const narrow = { ...prompts({ n: 1, s: 3, ends: [1] }), shared: formulaFloats(1, [1, 64]) };
  await expect(encodeBatch(narrow)).rejects.toThrow("expected shared [N, 128]");
  const encoded = await encodeBatch(prompts({ n: 1, s: 3, ends: [1] }));
  await expect(encoded.pullback(new Float32Array(embedDim))).rejects.toThrow("encoded without gradient");
  const once = await tower.encode(prompts({ n: 1, s: 3, ends: [1] }), { gradient: true });
  await expect(once.pullback(new Float32Array(1))).rejects.toThrow(`expected ${embedDim} numbers`);
  await once.pullback(new Float32Array(embedDim));
  await expect(once.pullback(new Float32Array(embedDim))).rejects.toThrow("pulled back already");
});

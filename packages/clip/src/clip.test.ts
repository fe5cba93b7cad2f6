import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { expect, test } from "vitest";
import { createClip } from "./clip.js";
import { inferConfig } from "./config.js";
import { tfjsEngine } from "./engines/tfjs/index.js";
import type { Floats } from "./floats.js";
import { merges } from "./merges-small.js";
import { createTokenizer } from "./tokenizer.js";
import { toOpenAiNames } from "./weights/names.js";
import { readSafetensors } from "./weights/safetensors.js";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/vit-tiny/${name}`, import.meta.url));
const weights = toOpenAiNames(readSafetensors(fixture("open_clip_model.safetensors")).tensors);
const inputs = readSafetensors(fixture("inputs.safetensors")).tensors;
const expected = readSafetensors(fixture("expected.safetensors")).tensors as Map<string, Floats>;
const { texts } = JSON.parse(fixture("config.json").toString()) as { texts: string[] };
const tokenizer = createTokenizer({ merges, count: 500 });

const distance = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), a.length === b.length ? 0 : Infinity);

for (const backend of ["cpu", "wasm"]) {
  test(`from texts and pixels to features on ${backend}, nothing left behind`, async () => {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    const clip = createClip({ weights, engine: tfjsEngine({ tf }), tokenizer });
    expect(clip.notices).toHaveLength(1);
    expect(clip.logitScale).toBeCloseTo(Math.exp(4.55), 3);
    // 2e-5 on features, as the fixtures state
    const features = await clip.encodeText(texts);
    expect(features.shape).toEqual([6, 32]);
    expect(distance(features.data, expected.get("text.features")!.data)).toBeLessThan(2e-5);
    const one = await clip.encodeText([texts[2]!]);
    expect(distance(one.data, expected.get("text.features")!.data.subarray(64, 96))).toBeLessThan(2e-5);
    const { global, local } = await clip.image.encode(inputs.get("pixels") as Floats);
    expect(local).toBeUndefined();
    expect(distance(global.data, expected.get("image.features")!.data)).toBeLessThan(2e-5);
    expect((await clip.encodeText([])).shape).toEqual([0, 32]);
    clip.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
}

test("bytes are normalised inside, batches split where memory is short", async () => {
  await tf.setBackend("wasm");
  const { config } = inferConfig(weights);
  const bytes = Uint8Array.from({ length: 3 * 32 * 32 * 3 }, (_, i) => (i * 31 + (i >> 5)) % 256);
  const floats = new Float32Array(bytes.length);
  bytes.forEach((value, i) => {
    const [image, at, c] = [Math.floor(i / 3072), Math.floor((i % 3072) / 3), i % 3];
    floats[(image * 3 + c) * 1024 + at] = (value / 255 - config.mean[c]!) / config.std[c]!;
  });
  const engine = tfjsEngine({ tf });
  const whole = createClip({ weights, engine, tokenizer });
  const parts = createClip({ weights, engine, tokenizer, memoryLimit: 1 });
  const wanted = await whole.image.encode({ data: floats, shape: [3, 3, 32, 32] }, { local: true });
  for (const clip of [whole, parts]) {
    const got = await clip.image.encode({ data: bytes, batch: 3 }, { local: true });
    expect(got.local!.shape).toEqual([3, 16, 32]);
    expect(distance(got.global.data, wanted.global.data)).toBeLessThan(2e-5);
    expect(distance(got.local!.data, wanted.local!.data)).toBeLessThan(2e-5);
    clip.dispose();
  }
});

test("token embeddings are the table's rows", () => {
  const clip = createClip({ weights, engine: tfjsEngine({ tf }), tokenizer });
  const { data, shape } = clip.embedTokens([3, 1013]);
  const table = weights.get("token_embedding.weight")!.data;
  expect(shape).toEqual([2, 64]);
  expect([...data]).toEqual([...table.subarray(192, 256), ...table.subarray(1013 * 64)]);
  expect(() => clip.embedTokens([1014])).toThrow("expected token ids from 0 to 1013, came 1014");
  clip.dispose();
});

test("refuses a tokenizer or pixels of another model", async () => {
  const engine = tfjsEngine({ tf });
  expect(() => createClip({ weights, engine, tokenizer: createTokenizer({ merges, count: 400 }) })).toThrow(
    "expected a tokenizer of 1014 tokens, as the weights embed, came one of 914: use the first 500 merges",
  );
  const clip = createClip({ weights, engine, tokenizer });
  await expect(clip.image.encode({ data: new Uint8Array(5), batch: 1 })).rejects.toThrow(
    "1 pictures of 32 x 32 x 3 bytes",
  );
  await expect(clip.image.encode({ data: new Float32Array(5), shape: [5] })).rejects.toThrow("came [5]");
  clip.dispose();
});

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../engines/engines.test.kit.js";
import { tfjsEngine } from "../engines/tfjs/index.js";
import type { Floats } from "../floats.js";
import { readClip } from "../read-clip.js";
import { blobSource } from "../weights/byte-source.js";
import { readSafetensors, writeSafetensors } from "../weights/safetensors.js";
import { loadClip } from "./load-clip.js";
import { loadWeights } from "./load-weights.js";

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
const tensors = async (name: string) =>
  readSafetensors(await readFile(fixture(name))).tensors as ReadonlyMap<string, Floats>;
const distance = (a: Floats | undefined, b: Floats | undefined): number => {
  expect(a!.data.length).toBe(b!.data.length);
  return Math.max(...a!.data.map((value, i) => Math.abs(value - b!.data[i]!)));
};
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-load-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// Tolerance on features as stated with the reference values: 2e-5 for the vision transformer, 2e-4 for the ModifiedResNet.
const models = { "vit-tiny": 2e-5, "rn-tiny": 2e-4 };
const files: [keyof typeof models, string, string][] = [
  ["vit-tiny", "open_clip_model.safetensors", "expected.safetensors"],
  ["vit-tiny", "hf", "expected.safetensors"],
  ["vit-tiny", "state_dict.pt", "expected.safetensors"],
  ["vit-tiny", "openai.pt", "expected_openai_fp16.safetensors"],
  ["rn-tiny", "open_clip_model.safetensors", "expected.safetensors"],
  ["rn-tiny", "openai.pt", "expected_openai_fp16.safetensors"],
];

describe("loadClip", () => {
  it.each(["wasm", "onnx"].flatMap((engine) => files.map((file) => [engine, ...file] as const)))(
    "on %s: %s from %s encodes pictures and texts as the reference does",
    async (engine, model, name, reference) => {
      const clip = await loadClip({ path: fixture(`${model}/${name}`), engine: await startEngine(engine) });
      expect(clip.notices.length).toBe(name === "hf" ? 0 : 1);
      const { texts } = JSON.parse(await readFile(fixture(`${model}/config.json`), "utf8")) as { texts: string[] };
      const expected = await tensors(`${model}/${reference}`);
      const pixels = (await tensors(`${model}/inputs.safetensors`)).get("pixels")!;
      const { global, local } = await clip.image.encode(pixels, { local: true });
      const text = await clip.encodeText(texts);
      clip.dispose();
      expect(distance(global, expected.get("image.features"))).toBeLessThan(models[model]);
      expect(distance(local, expected.get("image.local_features"))).toBeLessThan(models[model]);
      expect(distance(text, expected.get("text.features"))).toBeLessThan(2e-5);
    },
  );

  it("holds nothing in the engine once disposed of", async () => {
    await tf.setBackend("cpu");
    const before = tf.memory().numTensors;
    const clip = await loadClip({ path: fixture("vit-tiny/openai.pt"), engine: tfjsEngine({ tf }) });
    await clip.encodeText(["a"]);
    clip.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses a text vocabulary that is not CLIP's", async () => {
    const { weights } = await loadWeights(fixture("vit-tiny/hf"));
    const path = join(folder, "vocabulary.safetensors");
    const embedding = { data: new Float32Array(100 * 64), shape: [100, 64] };
    await writeFile(path, writeSafetensors({ ...Object.fromEntries(weights), "token_embedding.weight": embedding }));
    await expect(loadClip({ path, engine: tfjsEngine({ tf }) })).rejects.toThrow(
      `${path}: the text tower knows 100 tokens, expected 514 to 49408`,
    );
  });
});

describe("readClip", () => {
  it("makes the same CLIP of files that a user picked, with their configuration", async () => {
    await tf.setBackend("wasm");
    const engine = tfjsEngine({ tf });
    const pick = async (name: string) => blobSource(new File([await readFile(fixture(`vit-tiny/hf/${name}`))], name));
    const clip = await readClip({ files: [await pick("config.json"), await pick("model.safetensors")], engine });
    const same = await loadClip({ path: fixture("vit-tiny/hf"), engine });
    expect(clip.config).toEqual(same.config);
    expect(clip.notices).toEqual([]);
    expect(await clip.encodeText(["a fox"])).toEqual(await same.encodeText(["a fox"]));
    clip.dispose();
    same.dispose();
  });

  it("names the file in what is wrong with its model", async () => {
    const blob = new File([writeSafetensors({ "fc.weight": { data: new Float32Array(4), shape: [2, 2] } })], "my.pt");
    await expect(readClip({ files: blobSource(blob), engine: tfjsEngine({ tf }) })).rejects.toThrow(
      /^my\.pt: these weights are not a CLIP's/,
    );
  });
});

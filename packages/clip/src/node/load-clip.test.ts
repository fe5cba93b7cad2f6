import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tfjsEngine } from "../engines/tfjs/index.js";
import { readSafetensors, writeSafetensors } from "../weights/safetensors.js";
import type { Floats } from "../floats.js";
import { differences } from "../weights/weights.test.kit.js";
import { loadClip } from "./load-clip.js";
import { loadWeights } from "./load-weights.js";

const fixture = (name: string) => new URL(`../../fixtures/vit-tiny/${name}`, import.meta.url).pathname;
let folder: string;
beforeAll(async () => {
  await tf.setBackend("cpu");
  folder = await mkdtemp(join(tmpdir(), "clip-weights-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("loadWeights", () => {
  it("gives the same weights from an open_clip file, a Hugging Face file and its folder", async () => {
    const expected = await loadWeights(fixture("open_clip_model.safetensors"));
    expect(expected.config).toBeUndefined();
    for (const path of ["hf", "hf/model.safetensors"]) {
      const { weights, config } = await loadWeights(fixture(path));
      expect(config?.activation).toBe("quick_gelu");
      expect(differences(weights, expected.weights)).toEqual([]);
    }
  });

  it("takes the activation and the colours from the files beside", async () => {
    const copy = join(folder, "hf");
    await cp(fixture("hf"), copy, { recursive: true });
    const config = await readFile(join(copy, "config.json"), "utf8");
    await writeFile(join(copy, "config.json"), config.replaceAll("quick_gelu", "gelu"));
    const colours = { image_mean: [0.1, 0.2, 0.3], image_std: [0.5, 0.5, 0.5] };
    await writeFile(join(copy, "preprocessor_config.json"), JSON.stringify(colours));
    expect((await loadWeights(copy)).config).toEqual({
      activation: "gelu",
      mean: [0.1, 0.2, 0.3],
      std: [0.5, 0.5, 0.5],
    });
    await writeFile(join(copy, "config.json"), config.replace("quick_gelu", "gelu"));
    await expect(loadWeights(copy)).rejects.toThrow(/activation quick_gelu and gelu|activation gelu and quick_gelu/);
    await writeFile(join(copy, "config.json"), config.replace('"num_attention_heads": 2', '"num_attention_heads": 4'));
    await expect(loadWeights(copy)).rejects.toThrow(/4 heads of 32; expected heads of 64/);
    await writeFile(join(copy, "config.json"), "{");
    await expect(loadWeights(copy)).rejects.toThrow(/config\.json beside the weights is not JSON/);
    const openClip = { model_cfg: { quick_gelu: true, text_cfg: { width: 64, heads: 1 } }, preprocess_cfg: {} };
    await writeFile(join(copy, "open_clip_config.json"), JSON.stringify(openClip));
    expect((await loadWeights(copy)).config).toEqual({ activation: "quick_gelu" });
  });

  it.each<[string, string, () => Promise<unknown> | unknown]>([
    ["missing.safetensors", "there is no such file or folder", () => undefined],
    ["empty.pt", "the file is empty", () => writeFile(join(folder, "empty.pt"), "")],
    [
      "model.pt",
      'the file is text (16 bytes: "not a zip at all")',
      () => writeFile(join(folder, "model.pt"), "not a zip at all"),
    ],
    ["zip.safetensors", "cut short", () => writeFile(join(folder, "zip.safetensors"), "PK\u0003\u0004 and more")],
    [
      "cut.safetensors",
      "the file has 100000",
      async () => {
        const whole = await readFile(fixture("open_clip_model.safetensors"));
        await writeFile(join(folder, "cut.safetensors"), whole.subarray(0, 100_000));
      },
    ],
    [
      "other.safetensors",
      "these weights are not a CLIP's",
      () => {
        const bytes = writeSafetensors({ "fc.weight": { data: new Float32Array(4), shape: [2, 2] } });
        return writeFile(join(folder, "other.safetensors"), bytes);
      },
    ],
    [".", "several .safetensors files", () => undefined],
  ])("%s is refused in one line that names it", async (name, reason, prepare) => {
    await prepare();
    const path = join(folder, name);
    const error = (await loadWeights(path).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message.startsWith(`${path}: `)).toBe(true);
    expect(error.message).toContain(reason);
    expect(error.message).not.toContain("\n");
  });
});

describe("loadClip", () => {
  // Tolerance 2e-5 absolute on features, as stated with the reference values.
  it.each(["open_clip_model.safetensors", "hf"])("encodes texts as the reference does from %s", async (name) => {
    const before = tf.memory().numTensors;
    const clip = await loadClip({ path: fixture(name), engine: tfjsEngine({ tf }) });
    expect(clip.notices.length).toBe(name === "hf" ? 0 : 1);
    const { texts } = JSON.parse(await readFile(fixture("config.json"), "utf8")) as { texts: string[] };
    const expected = readSafetensors(await readFile(fixture("expected.safetensors"))).tensors.get("text.features");
    const { data } = await clip.encodeText(texts);
    const distance = Math.max(...data.map((value, i) => Math.abs(value - (expected as Floats).data[i]!)));
    expect(distance).toBeLessThan(2e-5);
    clip.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses a text vocabulary that is not CLIP's", async () => {
    const { weights } = await loadWeights(fixture("hf"));
    const path = join(folder, "vocabulary.safetensors");
    const embedding = { data: new Float32Array(100 * 64), shape: [100, 64] };
    await writeFile(path, writeSafetensors({ ...Object.fromEntries(weights), "token_embedding.weight": embedding }));
    await expect(loadClip({ path, engine: tfjsEngine({ tf }) })).rejects.toThrow(
      /knows 100 tokens, expected 514 to 49408/,
    );
  });
});

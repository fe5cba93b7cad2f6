import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WeightMap } from "../weights/names.js";
import { writeSafetensors } from "../weights/safetensors.js";
import { asSafetensors, asTorchArchive, differences } from "../weights/weights.test.kit.js";
import { loadWeights } from "./load-weights.js";

const fixture = (name: string) => new URL(`../../fixtures/vit-tiny/${name}`, import.meta.url).pathname;
let folder: string;
let expected: WeightMap;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-weights-"));
  expected = (await loadWeights(fixture("open_clip_model.safetensors"))).weights;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A folder of these files, by their names. */
async function folderOf(name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
  return path;
}

describe("loadWeights", () => {
  it("gives the same weights from an open_clip file, a Hugging Face file and its folder", async () => {
    expect((await loadWeights(fixture("open_clip_model.safetensors"))).config).toBeUndefined();
    for (const path of ["hf", "hf/model.safetensors"]) {
      const { weights, config } = await loadWeights(fixture(path));
      expect(config?.activation).toBe("quick_gelu");
      expect(differences(weights, expected)).toEqual([]);
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

  it("gives the same weights from what torch.save wrote", async () => {
    const { weights, config, notices } = await loadWeights(fixture("state_dict.pt"));
    expect(differences(weights, expected)).toEqual([]);
    expect([config, notices]).toEqual([undefined, []]);
  });

  it.each([
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
    "model.safetensors",
    "pytorch_model.bin",
    "epoch_32.pt",
    "some.safetensors",
  ])("finds %s in a folder, and reads the configuration beside it", async (name) => {
    const archive = /\.(bin|pt)$/.test(name);
    const path = await folderOf(`with ${name}`, {
      [name]: archive ? asTorchArchive(expected, { type: "F32" }) : asSafetensors(expected, "F32"),
      "open_clip_config.json": JSON.stringify({ model_cfg: { quick_gelu: true } }),
      "flax_model.msgpack": "not read",
      "README.md": "# A model",
    });
    const { weights, config } = await loadWeights(path);
    expect(differences(weights, expected)).toEqual([]);
    expect(config).toEqual({ activation: "quick_gelu" });
  });

  it.each(["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])(
    "finds %s of a ModifiedResNet in a folder",
    async (name) => {
      const path = new URL("../../fixtures/rn-tiny/open_clip_model.safetensors", import.meta.url).pathname;
      const { weights: resNet } = await loadWeights(path);
      const at = await folderOf(`resnet in ${name}`, {
        [name]: name.endsWith(".bin") ? asTorchArchive(resNet, { type: "F32" }) : asSafetensors(resNet, "F32"),
        "open_clip_config.json": JSON.stringify({
          model_cfg: { quick_gelu: true, vision_cfg: { layers: [1, 2, 1, 1], width: 4 } },
        }),
      });
      const { weights, config } = await loadWeights(at);
      expect(differences(weights, resNet)).toEqual([]);
      expect(config).toEqual({ activation: "quick_gelu" });
    },
  );

  it("takes safetensors where a folder has pickles, too", async () => {
    const path = await folderOf("both", {
      "model.safetensors": asSafetensors(expected, "F32"),
      "pytorch_model.bin": "not read",
      "open_clip_pytorch_model.bin": "not read",
    });
    expect(differences((await loadWeights(path)).weights, expected)).toEqual([]);
  });

  it("takes open_clip's file where open_clip has described the model: model.safetensors is the image tower alone then", async () => {
    const tower = new Map([...expected].filter(([name]) => name.startsWith("visual.")));
    const path = await folderOf("timm", {
      "config.json": JSON.stringify({ architecture: "vit_base_patch16_clip_224" }),
      "open_clip_config.json": JSON.stringify({ model_cfg: { quick_gelu: true } }),
      "model.safetensors": asSafetensors(tower, "F32"),
      "open_clip_model.safetensors": asSafetensors(expected, "F32"),
      "pytorch_model.bin": "not read",
    });
    expect(differences((await loadWeights(path)).weights, expected)).toEqual([]);
  });

  it("reads the configuration beside the only weights of a folder, given by their path, too", async () => {
    const path = await folderOf("own name", {
      "mine.safetensors": asSafetensors(expected, "F32"),
      "open_clip_config.json": JSON.stringify({ model_cfg: { quick_gelu: false } }),
    });
    const file = join(path, "mine.safetensors");
    expect((await loadWeights(file)).config).toEqual({ activation: "gelu" });
    await writeFile(join(path, "other.safetensors"), "of another model");
    expect((await loadWeights(file)).config).toBeUndefined();
  });

  it("reads a model in parts from its folder and from its index", async () => {
    const names = [...expected.keys()];
    const files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const part = (i: number) =>
      new Map(names.filter((_, at) => at % 2 === i).map((name) => [name, expected.get(name)!]));
    const index = { weight_map: Object.fromEntries(names.map((name, at) => [name, files[at % 2]])) };
    const path = await folderOf("parts", {
      [files[0]!]: asSafetensors(part(0), "F32"),
      [files[1]!]: asSafetensors(part(1), "F32"),
      "model.safetensors.index.json": JSON.stringify(index),
      "config.json": await readFile(fixture("hf/config.json"), "utf8"),
    });
    for (const given of [path, join(path, "model.safetensors.index.json")]) {
      const { weights, config } = await loadWeights(given);
      expect(differences(weights, expected)).toEqual([]);
      expect(config?.activation).toBe("quick_gelu");
    }
    await rm(join(path, files[1]!));
    await expect(loadWeights(path)).rejects.toThrow(
      `${join(path, "model.safetensors.index.json")}: the index names ${files[1]}, which its folder lacks; get all files`,
    );
    await rm(join(path, "model.safetensors.index.json"));
    await writeFile(join(path, files[1]!), asSafetensors(part(1), "F32"));
    await expect(loadWeights(path)).rejects.toThrow(/has 2 parts of a model \(.*\) without their index/);
  });

  it("an index that leaves its folder is refused", async () => {
    const index = { weight_map: { "visual.proj": "../other/model.safetensors" } };
    const path = await folderOf("leaving", { "model.safetensors.index.json": JSON.stringify(index) });
    await expect(loadWeights(path)).rejects.toThrow(
      `${join(path, "model.safetensors.index.json")}: the index puts tensor "visual.proj" into "../other/model.safetensors": refused`,
    );
  });

  it("lists what is missing, misshapen and unexpected in one line, before tensors are read", async () => {
    const changed = new Map(expected);
    changed.delete("visual.transformer.resblocks.1.ln_1.bias");
    changed.set("classifier.weight", { data: new Float32Array(1), shape: [1] });
    changed.set("ln_final.weight", { data: new Float32Array(3), shape: [3] });
    const path = await folderOf("changed", { "model.safetensors": asSafetensors(changed, "F32") });
    const error = (await loadWeights(path).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message.startsWith(`${join(path, "model.safetensors")}: `)).toBe(true);
    for (const name of ["visual.transformer.resblocks.1.ln_1.bias", "classifier.weight", "ln_final.weight"])
      expect(error.message).toContain(name);
    expect(error.message).not.toContain("\n");
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
    [
      "prompt",
      "the folder holds a learned prompt, not a CLIP's weights: give it as the checkpoint (--checkpoint)",
      () => folderOf("prompt", { checkpoint: "model.pth.tar-50", "model.pth.tar-50": "PK" }),
    ],
    ["nothing", "the folder has no weights; expected model.safetensors", () => folderOf("nothing", { "a.txt": "a" })],
  ])("%s is refused in one line that names it", async (name, reason, prepare) => {
    await prepare();
    const path = join(folder, name);
    const error = (await loadWeights(path).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message.startsWith(`${path}: `)).toBe(true);
    expect(error.message).toContain(reason);
    expect(error.message).not.toContain("\n");
  });
});

import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { findModelFile, findPublishedModel } from "@locoop/clip/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cacheFolder, isOffline } from "./cache-folder.js";
import { UsageError } from "./errors.js";
import { sha256OfFile } from "./files.js";
import { hubFolder, parseHubModel } from "./hub-model.js";
import { resolveWeights, sha256OfWeights } from "./weights-name.js";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "weights-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("the weights that are meant", () => {
  const ask = (text: string) => resolveWeights(text, { cache: join(dir, "cache") });

  it("are a path, if there is something", async () => {
    await writeFile(join(dir, "w.safetensors"), "");
    expect(await ask(join(dir, "w.safetensors"))).toBe(join(dir, "w.safetensors"));
  });

  it.each([
    [["config.json", "model.safetensors", "pytorch_model.bin"], "model.safetensors"],
    [["open_clip_config.json", "model.safetensors", "open_clip_model.safetensors"], "open_clip_model.safetensors"],
    [["model.safetensors.index.json", "model-1.safetensors", "model-2.safetensors"], "model.safetensors.index.json"],
    [["mine.safetensors", "notes.txt"], "mine.safetensors"],
    [["pytorch_model.bin"], "pytorch_model.bin"],
    [["ViT-B-16.pt"], "ViT-B-16.pt"],
  ])("of a folder with %j are %s", async (names, weights) => {
    for (const name of names) await writeFile(join(dir, name), "");
    expect(await ask(dir)).toBe(join(dir, weights));
  });

  it("of a folder with none, or several, are not guessed", async () => {
    await expect(ask(dir)).rejects.toThrow(
      /^weights: .*weights-\w+: the folder has no weights; expected model\.safetensors/,
    );
    for (const name of ["a.safetensors", "b.safetensors"]) await writeFile(join(dir, name), "");
    await expect(ask(dir)).rejects.toThrow(
      /: the folder has several \.safetensors files \(a\.safetensors, b\.safetensors\); give the path of one/,
    );
  });

  it("of a published model are in the cache, or have to be downloaded", async () => {
    await expect(ask("vit-b-16")).rejects.toThrow(
      `weights: ViT-B/16 is not in ${join(dir, "cache")}; run: locoop download ViT-B/16`,
    );
    const model = findPublishedModel("ViT-B/16")!;
    const path = join(dir, "cache/openai/ViT-B-16.pt");
    await mkdir(join(dir, "cache/openai"), { recursive: true });
    await writeFile(path, "something else");
    await expect(ask("ViT-B/16")).rejects.toThrow(`expected ${model.sha256}: it is damaged or another file`);
    // As if it had been checked: the real file is not here.
    const { size, mtimeMs } = await stat(path);
    const stamp = { size, changed: mtimeMs, checksum: `SHA-256 ${model.sha256}` };
    await writeFile(join(dir, "cache/openai/.ViT-B-16.pt.checked.json"), JSON.stringify(stamp));
    expect(await ask("ViT-B/16")).toBe(path);
  });

  it("of Hugging Face have to be downloaded, or put there", async () => {
    const text = "hf:openai/clip-vit-base-patch16";
    await expect(ask(text)).rejects.toThrow(
      `weights: ${text} is not in ${join(dir, "cache")}; run: locoop download ${text}`,
    );
    const folder = hubFolder(join(dir, "cache"), parseHubModel(text)!);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "model.safetensors"), "");
    expect(await ask(text)).toBe(join(folder, "model.safetensors"));
  });

  it("are no such file otherwise", async () => {
    await expect(ask("nothing.pt")).rejects.toThrow(
      /^weights: no such file: .*nothing\.pt; check the path, or name one of RN50, .*hf:owner\/name$/,
    );
  });
});

describe("the SHA-256 of weights", () => {
  it("of one file is the file's", async () => {
    const path = join(dir, "w.safetensors");
    await writeFile(path, "");
    expect(await sha256OfWeights(path)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  it("of an index covers the files that it names", async () => {
    const path = join(dir, "model.safetensors.index.json");
    await writeFile(path, '{"weight_map":{"a":"2.safetensors","b":"1.safetensors","c":"2.safetensors"}}');
    for (const n of [1, 2]) await writeFile(join(dir, `${n}.safetensors`), `${n}`);
    const before = await sha256OfWeights(path);
    await writeFile(join(dir, "2.safetensors"), "3");
    expect(await sha256OfWeights(path)).not.toBe(before);
    await writeFile(join(dir, "2.safetensors"), "2");
    expect(await sha256OfWeights(path)).toBe(before);
    await rm(join(dir, "1.safetensors"));
    await expect(sha256OfWeights(path)).rejects.toThrow(/ENOENT/);
  });

  it("of what is no index is the file's", async () => {
    const path = join(dir, "x.index.json");
    await writeFile(path, '{"weight_map":{"a":"../x"}}');
    expect(await sha256OfWeights(path)).toBe(await sha256OfFile(path));
  });
});

describe("hf:owner/name@revision", () => {
  it("is read", () => {
    expect(parseHubModel("hf:timm/vit_base_patch16_clip_224.openai")).toMatchObject({
      repo: "timm/vit_base_patch16_clip_224.openai",
      revision: "main",
    });
    const pull = parseHubModel("hf:a/b@refs/pr/1")!;
    expect(pull.revision).toBe("refs/pr/1");
    expect(hubFolder("cache", pull)).toBe(join("cache", "huggingface", "a", "b", "refs%2Fpr%2F1"));
    expect(parseHubModel("ViT-B/16")).toBeUndefined();
  });

  it.each([
    "hf:",
    "hf:a",
    "hf:a/",
    "hf:a/b/c",
    "hf:../b",
    "hf:a/..",
    "hf:a/b@",
    "hf:a/b@../x",
    "hf:a/b@x/..",
    "hf:a/b@/x",
    "hf:a\\b/c",
    "hf:a/b\n",
  ])("%j is refused", (text) => {
    expect(() => parseHubModel(text)).toThrow(UsageError);
  });

  it("has weights by a fixed order", () => {
    expect(findModelFile(["x.safetensors", "model.h5"])).toBeUndefined();
    expect(findModelFile(["pytorch_model.bin", "model.safetensors.index.json"])).toBe("model.safetensors.index.json");
  });
});

describe("the cache folder", () => {
  it("is --cache, else LOCOOP_CACHE, else the system's", () => {
    const env = { LOCOOP_CACHE: "/elsewhere" };
    expect(cacheFolder({ cache: "/here", env })).toBe(join("/here"));
    expect(cacheFolder({ env })).toBe(join("/elsewhere"));
    for (const none of [{}, { LOCOOP_CACHE: "" }]) {
      const folder = cacheFolder({ env: none });
      expect(folder).toMatch(/locoop/);
      if (!process.env.XDG_CACHE_HOME && process.platform === "linux")
        expect(folder).toBe(join(homedir(), ".cache/locoop"));
    }
  });

  it("is taken as it is where no server may be asked", () => {
    expect(isOffline({ env: {} })).toBe(false);
    expect(isOffline({ offline: true, env: {} })).toBe(true);
    for (const text of ["1", "true", "ON", "Yes"]) {
      expect(isOffline({ env: { LOCOOP_OFFLINE: text } })).toBe(true);
      expect(isOffline({ env: { HF_HUB_OFFLINE: text } })).toBe(true);
    }
    for (const text of ["0", "", "no"]) expect(isOffline({ env: { LOCOOP_OFFLINE: text } })).toBe(false);
  });
});

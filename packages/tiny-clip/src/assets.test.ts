import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readConcepts, tinyClipPaths, tinyClipTemplate } from "./assets.js";

const folder = fileURLToPath(new URL("../assets/", import.meta.url));
const sha256 = async (file: string): Promise<string> =>
  createHash("sha256")
    .update(await readFile(file))
    .digest("hex");

/** Header of a safetensors file: 8 bytes of length, then JSON. */
async function readHeader(file: string): Promise<Record<string, { dtype: string; shape: number[] }>> {
  const bytes = await readFile(file);
  const { __metadata__, ...tensors } = JSON.parse(bytes.subarray(8, 8 + bytes.readUInt32LE(0)).toString("utf8"));
  return tensors;
}

describe("assets", () => {
  it("has the trained weights", async () => {
    const { weights } = tinyClipPaths();
    expect(await sha256(weights)).toBe("274e3617bb0435d60d01cacb71b9df7cc3da62821f09d30cb4309df91478b550");
    const header = await readHeader(weights);
    expect(new Set(Object.values(header).map(({ dtype }) => dtype))).toEqual(new Set(["F16"]));
    const parameters = Object.values(header).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    // 5 + 2 blocks of 198,272, vision stem 49,920, token embedding 385,792, text rest 20,737
    expect(parameters).toBe(7 * 198_272 + 49_920 + 385_792 + 20_737);
  });

  it("describes the weights: every size in the configuration is a shape in the file", async () => {
    const { config, weights } = tinyClipPaths();
    const { embedDim, imageSize, vision, text, template, merges, startToken, endToken } = JSON.parse(
      await readFile(config, "utf8"),
    );
    const header = await readHeader(weights);
    const shape = (name: string): number[] | undefined => header[name]?.shape;
    const blocks = (prefix: string): number =>
      new Set(
        Object.keys(header).flatMap((name) => new RegExp(`^${prefix}\\.resblocks\\.(\\d+)`).exec(name)?.[1] ?? []),
      ).size;
    expect(shape("visual.conv1.weight")).toEqual([vision.width, 3, vision.patchSize, vision.patchSize]);
    expect(shape("visual.positional_embedding")).toEqual([(imageSize / vision.patchSize) ** 2 + 1, vision.width]);
    expect(shape("visual.proj")).toEqual([vision.width, embedDim]);
    expect(shape("token_embedding.weight")).toEqual([text.vocabSize, text.width]);
    expect(shape("positional_embedding")).toEqual([text.contextLength, text.width]);
    expect(shape("text_projection")).toEqual([text.width, embedDim]);
    expect(blocks("visual\\.transformer")).toBe(vision.layers);
    expect(blocks("transformer")).toBe(text.layers);
    expect([vision.heads, text.heads]).toEqual([vision.width / 64, text.width / 64]);
    expect(text.vocabSize).toBe(512 + merges + 2);
    expect([startToken, endToken]).toEqual([text.vocabSize - 2, text.vocabSize - 1]);
    expect(template).toBe(tinyClipTemplate);
  });

  it("has CLIP's first 2,500 merges", async () => {
    const { merges } = tinyClipPaths();
    const lines = (await readFile(merges, "utf8")).trimEnd().split("\n");
    expect(lines).toHaveLength(2500);
    expect(new Set(lines).size).toBe(2500);
    expect(lines.every((line) => /^\S+ \S+$/.test(line))).toBe(true);
    expect(lines.slice(0, 3)).toEqual(["i n", "t h", "a n"]); // bpe_simple_vocab_16e6.txt begins with them
    expect(await sha256(merges)).toBe("dcfeae3015b62a525fe45e38ffea3fb79e014c47aec7d777de3fcd7a9477abd9");
  });

  it("names the licence of everything shipped, and the licence texts are there", async () => {
    const notice = await readFile(path.join(folder, "NOTICE.md"), "utf8");
    const texts = await readdir(path.join(folder, "LICENSES"));
    expect(texts.sort()).toEqual(["emojibase-data.txt", "fluent-emoji.txt", "openai-clip.txt"]);
    for (const text of texts) {
      expect(notice).toContain(`LICENSES/${text}`);
      expect(await readFile(path.join(folder, "LICENSES", text), "utf8")).toMatch(
        /Copyright \(c\) .*\n[\s\S]*WARRANTY/,
      );
    }
    for (const name of (await readdir(folder)).filter((entry) => /\.(safetensors|json|txt)$/.test(entry))) {
      expect(notice).toContain(`\`${name}\``);
    }
    // the attribution that the CC-BY training sets ask for
    for (const set of ["twemoji", "emojione", "streamline-emojis", "game-icons", "fa7-solid"]) {
      expect(notice).toContain(`(\`${set}\`) by `);
    }
  });

  it("stays small", async () => {
    const { sprites, weights } = tinyClipPaths();
    const sheets = await readdir(sprites);
    expect(sheets).toHaveLength(4);
    const sizes = await Promise.all(sheets.map(async (sheet) => (await stat(path.join(sprites, sheet))).size));
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(3e6);
    expect((await stat(weights)).size).toBeLessThan(3.8e6);
  });
});

describe("readConcepts", () => {
  it("has the counts of the seeded draw", async () => {
    const { id, nearOod, ood, neverNamed, clutter } = await readConcepts();
    const counts = Object.fromEntries(Object.entries(ood).map(([set, names]) => [set, names.length]));
    expect(id).toHaveLength(50);
    expect(nearOod).toHaveLength(30);
    expect(clutter).toHaveLength(461);
    expect(counts).toEqual({ "plants-and-food": 68, scenes: 56, "vehicles-and-things": 138 });
    expect(neverNamed).toHaveLength(99);
  });

  it("gives every concept one role, so no OOD concept is clutter; never-named ones are OOD", async () => {
    const { id, nearOod, ood, neverNamed, clutter } = await readConcepts();
    const oodNames = Object.values(ood).flat();
    const all = [...id, ...nearOod, ...oodNames, ...clutter];
    expect(new Set(all).size).toBe(all.length);
    expect(clutter.filter((name) => oodNames.includes(name))).toEqual([]);
    expect(neverNamed.every((name) => oodNames.includes(name))).toBe(true);
    expect(new Set(neverNamed).size).toBe(neverNamed.length);
  });
});

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { blobSource, bytesSource, type ByteSource } from "./byte-source.js";
import { toOpenAiNames, type WeightMap } from "./names.js";
import { readWeights } from "./read-weights.js";
import { readSafetensors } from "./safetensors.js";
import { openTensorFile } from "./tensor-file.js";
import { asSafetensors, asTorchArchive, differences, roundWeights, type StoredType } from "./weights.test.kit.js";

// Every format against the safetensors file that is its source: the same bits, for both kinds of image tower.
const fixture = (name: string): Buffer => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));
const source = (bytes: Uint8Array, name: string): ByteSource => bytesSource(bytes, { name });
/** As a user picks it in a browser: Node's File is the browser's. */
const picked = (bytes: Uint8Array<ArrayBuffer>, name: string): ByteSource => blobSource(new File([bytes], name));
const types: StoredType[] = ["F32", "F16", "BF16", "F64"];

/** Halves of a model, with an index. */
function split(
  weights: WeightMap,
  write: (part: WeightMap) => Uint8Array,
  { ending, bytesPerNumber }: { ending: string; bytesPerNumber?: number },
): ByteSource[] {
  const names = [...weights.keys()];
  const half = Math.ceil(names.length / 2);
  const shards = [names.slice(0, half), names.slice(half)].map((part, i) => ({
    file: `model-0000${i + 1}-of-00002.${ending}`,
    part: new Map(part.map((name) => [name, weights.get(name)!])),
  }));
  const count = [...weights.values()].reduce((total, { data }) => total + data.length, 0);
  const index = {
    metadata: bytesPerNumber === undefined ? {} : { total_size: count * bytesPerNumber },
    weight_map: Object.fromEntries(shards.flatMap(({ file, part }) => [...part.keys()].map((name) => [name, file]))),
  };
  return [
    source(new TextEncoder().encode(JSON.stringify(index)), `model.${ending}.index.json`),
    ...shards.map(({ file, part }) => source(write(part), file)),
  ];
}

describe.each(["vit-tiny", "rn-tiny"])("%s", (model) => {
  let weights: WeightMap;
  beforeAll(() => {
    weights = toOpenAiNames(readSafetensors(fixture(`${model}/open_clip_model.safetensors`)).tensors);
  });
  /** What tells the files' weights from those expected, and what was said while they were read. */
  const distinguish = async (files: ByteSource | ByteSource[], expected: WeightMap): Promise<readonly string[]> => {
    const read = await readWeights(files);
    return [...differences(read.weights, expected), ...read.notices];
  };
  const renamed = (rename: (name: string) => string): WeightMap =>
    new Map([...weights].map(([name, weight]) => [rename(name), weight]));

  it("safetensors of open_clip, whatever the name", async () => {
    const bytes = fixture(`${model}/open_clip_model.safetensors`);
    expect(await distinguish(source(bytes, "weights.bin"), weights)).toEqual([]);
    expect(await distinguish(picked(Uint8Array.from(bytes), "weights.txt"), weights)).toEqual([]);
  });

  it.each(types)("safetensors in %s", async (type) => {
    expect(
      await distinguish(source(asSafetensors(weights, type), "model.safetensors"), roundWeights(weights, type)),
    ).toEqual([]);
  });

  it.each(types)("torch.save in %s", async (type) => {
    const bytes = asTorchArchive(weights, { type });
    expect(await distinguish(source(bytes, "ViT.safetensors"), roundWeights(weights, type))).toEqual([]);
    expect(await distinguish(picked(bytes, "ViT.pt"), roundWeights(weights, type))).toEqual([]);
  });

  it("safetensors in parts with an index, from Blobs", async () => {
    const files = split(weights, (part) => asSafetensors(part, "F16"), { ending: "safetensors", bytesPerNumber: 2 });
    const blobs = await Promise.all(
      files.toReversed().map(async (file) => picked(await file.read(0, file.size), file.name)),
    );
    expect(await distinguish(blobs, roundWeights(weights, "F16"))).toEqual([]);
  });

  it("torch.save in parts with an index", async () => {
    const write = (counter: boolean) => (part: WeightMap) => asTorchArchive(part, { type: "F32", counter });
    expect(await distinguish(split(weights, write(false), { ending: "bin", bytesPerNumber: 4 }), weights)).toEqual([]);
    await expect(readWeights(split(weights, write(true), { ending: "bin" }))).rejects.toThrow(
      /^model\.bin\.index\.json: tensor "visual\.bn1\.num_batches_tracked" is in .*, /,
    );
  });

  it("a checkpoint of open_clip's training: `state_dict`, in parallel, beside an optimizer", async () => {
    const bytes = asTorchArchive(
      renamed((name) => `module.${name}`),
      {
        type: "F32",
        wrap: (state) =>
          new Map<string, typeof state>([
            ["epoch", 3],
            ["name", "run"],
            ["state_dict", state],
          ]),
      },
    );
    expect(await distinguish(source(bytes, "epoch_3.pt"), weights)).toEqual([]);
  });

  it("names of open_clip's newer towers, and of compiled ones", async () => {
    const text = renamed((name) => (/^visual\.|^logit_scale$/.test(name) ? name : `text.${name}`));
    expect(await distinguish(source(asSafetensors(text, "F32"), "open_clip_model.safetensors"), weights)).toEqual([]);
    const compiled = renamed((name) => `_orig_mod.${name}`);
    expect(await distinguish(source(asSafetensors(compiled, "F32"), "model.safetensors"), weights)).toEqual([]);
  });

  it("OpenAI's archive: its halves widened, the rest as it was", async () => {
    const bytes = Uint8Array.from(fixture(`${model}/openai.pt`));
    const { format, entries } = await openTensorFile(source(bytes, "openai.pt"));
    expect(format).toBe("torchscript");
    const halves = roundWeights(weights, "F16");
    const isHalf = (name: string): boolean => entries.get(name)?.dtype === "F16";
    const expected = new Map([...weights].map(([name, weight]) => [name, isHalf(name) ? halves.get(name)! : weight]));
    expect(
      [...weights.keys()]
        .filter((name) => !isHalf(name))
        .every((name) => /ln_|bn|norm|downsample\.1|embedding|logit_scale/.test(name)),
    ).toBe(true);
    expect(differences(weights, expected).length).toBeGreaterThan(30);
    expect(await distinguish(source(bytes, "openai.pt"), expected)).toEqual([]);
    expect(await distinguish(picked(bytes, "ViT-B-16.pt"), expected)).toEqual([]);
  });

  it("reads one tensor at a time, and none of a file whose names or shapes are wrong", async () => {
    const bytes = asSafetensors(weights, "F32");
    const largest = Math.max(...[...weights.values()].map(({ data }) => data.byteLength));
    const reads: number[] = [];
    const counted = (data: Uint8Array): ByteSource => {
      const whole = source(data, "model.safetensors");
      return { ...whole, read: (begin, length) => (reads.push(length), whole.read(begin, length)) };
    };
    expect(await distinguish(counted(bytes), weights)).toEqual([]);
    expect(Math.max(...reads)).toBe(largest);
    expect(reads.reduce((a, b) => a + b, 0)).toBeLessThan(bytes.length + 600);
    const total = reads.length;
    reads.length = 0;
    const broken = new Map(weights);
    broken.delete("ln_final.bias");
    broken.set("extra", { data: new Float32Array(1), shape: [1] });
    await expect(readWeights(counted(asSafetensors(broken, "F32")))).rejects.toThrow(
      /^model\.safetensors: .*ln_final\.bias.*extra/,
    );
    expect(reads.length).toBeLessThan(4);
    expect(total).toBeGreaterThan(weights.size);
  });
});

describe("files that do not fit together", () => {
  const weights = (): WeightMap =>
    toOpenAiNames(readSafetensors(fixture("vit-tiny/open_clip_model.safetensors")).tensors);

  it("Hugging Face's folder, with what lies beside: its configuration counts, pictures and READMEs do not", async () => {
    const files = ["config.json", "model.safetensors"].map((name) => source(fixture(`vit-tiny/hf/${name}`), name));
    const preprocessor = new TextEncoder().encode(
      '{"image_mean":[0.1,0.2,0.3],"image_std":[0.5,0.5,0.5],"resample":2}',
    );
    const {
      weights: read,
      config,
      notices,
    } = await readWeights([
      source(new TextEncoder().encode("# A model"), "README.md"),
      ...files,
      source(preprocessor, "folder/preprocessor_config.json"),
    ]);
    expect(differences(read, weights())).toEqual([]);
    expect(config).toEqual({ activation: "quick_gelu", mean: [0.1, 0.2, 0.3], std: [0.5, 0.5, 0.5] });
    expect(notices).toEqual([expect.stringContaining("preprocessor_config.json asks for resample 2")]);
  });

  it("a part that is not among the files", async () => {
    const files = split(weights(), (part) => asSafetensors(part, "F32"), { ending: "safetensors" });
    await expect(readWeights(files.slice(0, 2))).rejects.toThrow(
      "model.safetensors.index.json: model-00002-of-00002.safetensors: is not among the files that were given",
    );
  });

  it("a part alone", async () => {
    const files = split(weights(), (part) => asSafetensors(part, "F32"), { ending: "safetensors" });
    await expect(readWeights(files[1]!)).rejects.toThrow(/^model-00001-of-00002\.safetensors: /);
  });

  it("no file, two of one name, several that could be meant", async () => {
    const bytes = asSafetensors(weights(), "F16");
    await expect(readWeights([])).rejects.toThrow("expected at least one file of weights, came none");
    await expect(readWeights([source(bytes, "a/x"), source(bytes, "b/x")])).rejects.toThrow("two of one name");
    await expect(readWeights([source(bytes, "a.safetensors"), source(bytes, "b.safetensors")])).rejects.toThrow(
      "several .safetensors files (a.safetensors, b.safetensors)",
    );
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { toOpenAiNames } from "./names.js";
import { readSafetensors } from "./safetensors.js";

const read = (name: string) =>
  readSafetensors(readFileSync(new URL(`../../fixtures/vit-tiny/${name}`, import.meta.url))).tensors;
const openai = read("open_clip_model.safetensors");
const huggingFace = read("hf/model.safetensors");

describe("toOpenAiNames", () => {
  it("keeps OpenAI's names and values", () => {
    const weights = toOpenAiNames(openai);
    expect([...weights.keys()].sort()).toEqual([...openai.keys()].sort());
    expect(weights.get("visual.proj")).toEqual(openai.get("visual.proj"));
    expect(weights.get("logit_scale")?.shape).toEqual([]);
  });

  it("gives the same weights, bit for bit, from Hugging Face's names", () => {
    const expected = toOpenAiNames(openai);
    const weights = toOpenAiNames(huggingFace);
    expect([...weights.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, { data, shape }] of expected) {
      const got = weights.get(name);
      expect(got?.shape, name).toEqual(shape);
      expect(Buffer.from(got!.data.buffer).equals(Buffer.from(data.buffer)), name).toBe(true);
    }
  });

  it("gives the same weights from open_clip's CustomTextCLIP names and with OpenAI's size buffers", () => {
    const moved = new Map(
      [...openai].map(([name, tensor]) => [
        name.startsWith("visual.") || name === "logit_scale" ? name : `text.${name}`,
        tensor,
      ]),
    );
    moved.set("input_resolution", { data: new Int32Array([32]), shape: [] });
    expect(new Map([...toOpenAiNames(moved)].sort())).toEqual(new Map([...toOpenAiNames(openai)].sort()));
  });

  it("names what is missing and what is unexpected, in one line", () => {
    const damaged = new Map(openai);
    damaged.delete("visual.transformer.resblocks.1.ln_1.bias");
    damaged.set("classifier.weight", { data: new Float32Array(1), shape: [1] });
    expect(() => toOpenAiNames(damaged)).toThrow(
      /^these weights are not a CLIP's: missing visual\.transformer\.resblocks\.1\.ln_1\.bias; unexpected classifier\.weight\. Expected [^\n]+$/,
    );
    expect(() => toOpenAiNames(new Map())).toThrow(/missing token_embedding\.weight, .* and \d+ more/);
  });

  it("refuses a Hugging Face file without one of query, key and value", () => {
    const damaged = new Map(huggingFace);
    damaged.delete("text_model.encoder.layers.0.self_attn.k_proj.weight");
    expect(() => toOpenAiNames(damaged)).toThrow(/layers\.0\.self_attn\.q_proj\.weight/);
    damaged.delete("text_model.encoder.layers.0.self_attn.q_proj.weight");
    expect(() => toOpenAiNames(damaged)).toThrow(/missing transformer\.resblocks\.0\.attn\.in_proj_weight/);
  });

  it("refuses integers where weights belong", () => {
    const damaged = new Map(openai).set("logit_scale", { data: new Int32Array([4]), shape: [] });
    expect(() => toOpenAiNames(damaged)).toThrow(/"logit_scale" holds integers/);
  });
});

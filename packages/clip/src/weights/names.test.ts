import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { inferConfig } from "../config.js";
import { planWeights, toOpenAiNames } from "./names.js";
import { readSafetensors } from "./safetensors.js";
import { differences } from "./weights.test.kit.js";

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
    expect(differences(toOpenAiNames(huggingFace), toOpenAiNames(openai))).toEqual([]);
  });

  it("gives the same weights from open_clip's CustomTextCLIP names and with OpenAI's size buffers", () => {
    const moved = new Map(
      [...openai].map(([name, tensor]) => [
        name.startsWith("visual.") || name === "logit_scale" ? name : `text.${name}`,
        tensor,
      ]),
    );
    moved.set("input_resolution", { data: new Int32Array([32]), shape: [] });
    expect(differences(toOpenAiNames(moved), toOpenAiNames(openai))).toEqual([]);
  });

  it("takes off what parallel training and compiling put before the names", () => {
    for (const prefix of ["module.", "_orig_mod.", "module._orig_mod."]) {
      const wrapped = new Map([...openai].map(([name, tensor]) => [prefix + name, tensor]));
      expect(differences(toOpenAiNames(wrapped), toOpenAiNames(openai))).toEqual([]);
      const other = new Map([...huggingFace].map(([name, tensor]) => [prefix + name, tensor]));
      expect(differences(toOpenAiNames(other), toOpenAiNames(openai))).toEqual([]);
    }
  });

  it("refuses two tensors for one weight", () => {
    const twice = new Map(openai).set("module.visual.proj", openai.get("visual.proj")!);
    expect(() => toOpenAiNames(twice)).toThrow(
      'the tensors "visual.proj" and "module.visual.proj" are both visual.proj; expected one of them',
    );
    const text = new Map(openai).set("text.text_projection", openai.get("text_projection")!);
    expect(() => toOpenAiNames(text)).toThrow(/"text_projection" and "text\.text_projection" are both text_projection/);
  });

  it("renames only: what is missing and what is unexpected is for inferConfig to report", () => {
    const changed = new Map(openai);
    changed.delete("visual.transformer.resblocks.1.ln_1.bias");
    changed.set("classifier.weight", { data: new Float32Array(1), shape: [1] });
    const weights = toOpenAiNames(changed);
    expect([...weights.keys()].sort()).toEqual([...changed.keys()].sort());
    expect(() => inferConfig(weights)).toThrow(/visual\.transformer\.resblocks\.1\.ln_1\.bias.*classifier\.weight/);
  });

  it("plans from names and shapes what it does with tensors", () => {
    for (const tensors of [openai, huggingFace]) {
      const weights = toOpenAiNames(tensors);
      const shapes = planWeights(new Map([...tensors].map(([name, { shape }]) => [name, { shape }])));
      expect(shapes.map(({ name }) => name)).toEqual([...weights.keys()]);
      for (const { name, shape } of shapes) expect(shape, name).toEqual(weights.get(name)!.shape);
    }
  });

  it("refuses a Hugging Face file without one of query, key and value", () => {
    const damaged = new Map(huggingFace);
    damaged.delete("text_model.encoder.layers.0.self_attn.k_proj.weight");
    expect(() => toOpenAiNames(damaged)).toThrow(/layers\.0\.self_attn\.q_proj\.weight" needs its k_proj and v_proj/);
    damaged.delete("text_model.encoder.layers.0.self_attn.q_proj.weight");
    expect(() => inferConfig(toOpenAiNames(damaged))).toThrow(
      /transformer\.resblocks\.0\.attn\.in_proj_weight.*layers\.0\.self_attn\.v_proj\.weight/,
    );
  });

  it("refuses integers where weights belong", () => {
    const damaged = new Map(openai).set("logit_scale", { data: new Int32Array([4]), shape: [] });
    expect(() => toOpenAiNames(damaged)).toThrow(/"logit_scale" holds integers/);
  });
});

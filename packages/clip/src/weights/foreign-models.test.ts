import { describe, expect, it } from "vitest";
import { toOpenAiNames } from "./names.js";

const named = (...names: string[]) =>
  new Map(names.map((name) => [name, { data: new Float32Array(6), shape: [2, 3] }]));
const openai = ["visual.conv1.weight", "token_embedding.weight", "logit_scale"];
const huggingFace = [
  "vision_model.embeddings.patch_embedding.weight",
  "text_model.embeddings.token_embedding.weight",
  "visual_projection.weight",
];

describe("weights that are not a CLIP's", () => {
  it.each<[string, string[], string]>([
    ["nothing", [], "the file has no tensors"],
    [
      "LoCoOp's prompt",
      ["ctx", "token_prefix", "token_suffix"],
      "this is a learned prompt (ctx [2,3]), not a CLIP's weights: give it as the checkpoint (--checkpoint)",
    ],
    [
      "a trainer's prompt",
      ["prompt_learner.ctx", "prompt_learner.token_prefix"],
      "this is a learned prompt (prompt_learner.ctx [2,3])",
    ],
    ["this project's prompt", ["contexts"], "this is a learned prompt"],
    ["this project's checkpoint", ["variables.contexts", "velocity.contexts"], "this is a learned prompt"],
    ["a prompt without its context", ["token_prefix", "token_suffix"], "this is a learned prompt, not"],
    ["transformers' SigLIP", [...huggingFace.slice(0, 2), "logit_scale", "logit_bias"], "they look like a SigLIP"],
    [
      "open_clip's SigLIP",
      ["visual.trunk.patch_embed.proj.weight", "text.token_embedding.weight", "logit_bias"],
      "a SigLIP",
    ],
    ["open_clip with timm", ["visual.trunk.stem.0.weight", "text.token_embedding.weight"], "image tower is from timm"],
    ["EVA-CLIP", ["visual.blocks.0.attn.q_proj.weight", "token_embedding.weight"], "an EVA-CLIP"],
    ["CoCa", [...openai, "text_decoder.ln_final.weight"], "a CoCa"],
    ["BLIP", ["visual_encoder.cls_token", "text_decoder.bert.embeddings.word_embeddings.weight"], "a BLIP"],
    [
      "open_clip with RoBERTa",
      ["visual.conv1.weight", "text.transformer.embeddings.word_embeddings.weight"],
      "another language model",
    ],
    [
      "torchvision's ResNet",
      ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "fc.weight"],
      "a plain ResNet (torchvision or timm); it has no text tower",
    ],
    ["timm's ViT", ["cls_token", "patch_embed.proj.weight", "head.weight"], "a plain vision transformer"],
    ["BERT", ["bert.embeddings.word_embeddings.weight"], "another language model"],
    [
      "Stable Diffusion",
      ["model.diffusion_model.out.2.bias", "cond_stage_model.transformer.text_model.embeddings.position_ids"],
      "a whole Stable Diffusion model",
    ],
    [
      "LoRA",
      ["base_model.model.text_model.encoder.layers.0.self_attn.q_proj.lora_A.weight"],
      "LoRA adapters; merge them",
    ],
    [
      "diffusers' text encoder",
      [...huggingFace.slice(1, 2), "text_model.final_layer_norm.weight"],
      "this is only the text tower of a CLIP (as diffusers keeps one as text_encoder)",
    ],
    ["CLIPVisionModel", [huggingFace[0]!, huggingFace[2]!], "this is only the image tower of a CLIP"],
    [
      "something else",
      ["a.weight", "b.weight", "c.weight", "d.weight"],
      "among its 4 tensors (a.weight, b.weight, c.weight, ...) are neither visual.conv1.weight nor token_embedding.weight",
    ],
  ])("%s is named", (_, names, message) => {
    let line = "";
    try {
      toOpenAiNames(named(...names));
    } catch (error) {
      line = (error as Error).message;
    }
    expect(line).toContain(message);
    expect(line).not.toContain("\n");
  });

  it("whatever has both towers is left to the strict report", () => {
    expect([...toOpenAiNames(named(...openai)).keys()]).toEqual(openai);
    expect([...toOpenAiNames(named(...huggingFace, "text_projection.weight")).keys()]).toEqual([
      "visual.conv1.weight",
      "token_embedding.weight",
      "visual.proj",
      "text_projection",
    ]);
  });
});

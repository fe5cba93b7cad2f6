import { describe, expect, it } from "vitest";
import { readModelConfig } from "./model-config.js";

const read = (files: Readonly<Record<string, unknown>>) =>
  readModelConfig(async (name) => (name in files ? JSON.stringify(files[name]) : undefined));
const colours = { mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] };

describe("readModelConfig", () => {
  it("without a file there is nothing to say", async () => {
    expect(await read({})).toEqual({ notices: [] });
    expect(await read({ "config.json": { width: 5 } })).toEqual({ notices: [] });
  });

  it("takes open_clip's activation and colours, GELU where QuickGELU is not asked for", async () => {
    const preprocess_cfg = { ...colours, interpolation: "bicubic", resize_mode: "shortest", size: 224 };
    const model_cfg = {
      quick_gelu: true,
      vision_cfg: { layers: [3, 4, 6, 3], width: 64 },
      text_cfg: { width: 512, heads: 8 },
    };
    expect(await read({ "open_clip_config.json": { model_cfg, preprocess_cfg } })).toEqual({
      config: { activation: "quick_gelu", ...colours },
      notices: [],
    });
    expect(await read({ "open_clip_config.json": { model_cfg: {} } })).toEqual({
      config: { activation: "gelu" },
      notices: [],
    });
  });

  it("says that another kind of configuration is not used", async () => {
    expect(await read({ "config.json": { model_type: "siglip" } })).toEqual({
      notices: ['config.json describes a "siglip" model, not "clip": it is not used.'],
    });
  });

  it("says where pictures are resized in another way than the model was trained with", async () => {
    const { notices } = await read({
      "open_clip_config.json": { preprocess_cfg: { interpolation: "bilinear", resize_mode: "squash" } },
    });
    expect(notices).toEqual([
      expect.stringContaining(
        'open_clip_config.json asks for interpolation "bilinear": pictures are resized as CLIP does it',
      ),
      expect.stringContaining('open_clip_config.json asks for resize_mode "squash"'),
    ]);
    const huggingFace = await read({
      "config.json": { model_type: "clip" },
      "preprocessor_config.json": { resample: 2 },
    });
    expect(huggingFace.notices).toEqual([expect.stringContaining("preprocessor_config.json asks for resample 2")]);
  });

  it.each<[string, unknown, string]>([
    [
      "config.json",
      { model_type: "clip", text_config: { layer_norm_eps: 1e-6 } },
      "config.json asks for layer_norm_eps 0.000001, only 0.00001 is computed",
    ],
    [
      "config.json",
      { model_type: "clip", vision_config: { hidden_size: 1280, num_attention_heads: 16 } },
      "the model has 16 heads of 80; expected heads of 64",
    ],
    [
      "config.json",
      { model_type: "clip", vision_config: { hidden_act: "gelu_new" }, text_config: { hidden_act: "gelu_new" } },
      "the activation gelu_new; expected quick_gelu or gelu",
    ],
    [
      "config.json",
      { model_type: "clip", vision_config: { hidden_act: { x: 1 } } },
      'the activation {"x":1} and quick_gelu; expected',
    ],
    ["open_clip_config.json", { model_cfg: { vision_cfg: { head_width: 80 } } }, "heads of 80; expected heads of 64"],
    [
      "open_clip_config.json",
      { model_cfg: { text_cfg: { pool_type: "last" } } },
      'open_clip_config.json asks for text_cfg.pool_type "last", only "argmax" is computed; use another model',
    ],
    [
      "open_clip_config.json",
      { model_cfg: { text_cfg: { no_causal_mask: true } } },
      "text_cfg.no_causal_mask true, only false is computed",
    ],
    ["open_clip_config.json", { model_cfg: { vision_cfg: { pool_type: "avg" } } }, 'vision_cfg.pool_type "avg"'],
    [
      "open_clip_config.json",
      { model_cfg: { vision_cfg: { act_kwargs: { approximate: "tanh" } } } },
      'vision_cfg.act_kwargs {"approximate":"tanh"}, which is not computed',
    ],
  ])("%s %j is refused: results would be wrong without a word", async (name, content, message) => {
    await expect(read({ [name]: content })).rejects.toThrow(message);
  });
});

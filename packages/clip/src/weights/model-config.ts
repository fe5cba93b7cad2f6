import type { Activation } from "../config.js";
import { printable, shown } from "./printable.js";

/** What a model's configuration files say that its weights do not: the activation, and the mean and spread of RGB in 0 to 1. */
export interface ModelConfig {
  readonly activation?: Activation;
  readonly mean?: readonly [number, number, number];
  readonly std?: readonly [number, number, number];
}

type Json = Record<string, unknown>;

/**
 * Reads Hugging Face's (`config.json`, `preprocessor_config.json`) or open_clip's files, given a way to a file's text by its
 * name; without any, there is no configuration. Throws one line where a file contradicts what the towers can do.
 */
export async function readModelConfig(
  readText: (name: string) => Promise<string | undefined>,
): Promise<{ config?: ModelConfig; notices: string[] }> {
  const readJson = async (name: string): Promise<Json | undefined> => {
    const text = await readText(name);
    return text === undefined ? undefined : parseJson(name, text);
  };
  const openClip = await readJson("open_clip_config.json");
  if (openClip) return fromOpenClip(openClip);
  const config = await readJson("config.json");
  const kind = config?.model_type;
  if (!config || kind !== "clip") {
    // A file without a model type is not transformers'; one with another type is worth telling.
    return {
      notices:
        typeof kind === "string"
          ? [`config.json describes a "${printable(kind, 80)}" model, not "clip": it is not used.`]
          : [],
    };
  }
  return fromHuggingFace(config, await readJson("preprocessor_config.json"));
}

function parseJson(name: string, text: string): Json {
  try {
    return asObject(JSON.parse(text));
  } catch {
    throw new Error(`${name} beside the weights is not JSON; repair or remove it`);
  }
}

function fromHuggingFace(config: Json, preprocessor: Json = {}): { config: ModelConfig; notices: string[] } {
  const towers = [asObject(config.vision_config), asObject(config.text_config)];
  const activations = new Set(towers.map((tower) => tower.hidden_act ?? "quick_gelu")); // transformers' own default
  for (const { hidden_size: width, num_attention_heads: heads, layer_norm_eps: epsilon } of towers) {
    checkHeads(width, heads);
    checkSetting("config.json", { layer_norm_eps: epsilon }, [1e-5]);
  }
  const { resample, image_mean: mean, image_std: std } = preprocessor;
  return {
    config: { activation: oneActivation(activations), ...spread(mean, std) },
    notices: noticeResizing("preprocessor_config.json", { resample }, [3]), // Pillow's number of bicubic
  };
}

function fromOpenClip(config: Json): { config: ModelConfig; notices: string[] } {
  const file = "open_clip_config.json";
  const model = asObject(config.model_cfg);
  const { mean, std, interpolation, resize_mode } = asObject(config.preprocess_cfg);
  const [vision, text] = [asObject(model.vision_cfg), asObject(model.text_cfg)];
  checkHeads(vision.head_width, 1);
  checkHeads(text.width, text.heads);
  // What would change results without a trace in the weights' names and shapes.
  checkSetting(file, { "vision_cfg.pool_type": vision.pool_type }, ["tok"]);
  checkSetting(file, { "text_cfg.pool_type": text.pool_type }, ["argmax"]);
  checkSetting(file, { "vision_cfg.global_average_pool": vision.global_average_pool }, [false]);
  checkSetting(file, { "text_cfg.no_causal_mask": text.no_causal_mask }, [false]);
  for (const [name, tower] of Object.entries({ vision_cfg: vision, text_cfg: text })) {
    for (const key of ["norm_kwargs", "act_kwargs"]) {
      const settings = asObject(tower[key]);
      if (Object.keys(settings).length > 0) checkSetting(file, { [`${name}.${key}`]: settings }, []);
    }
  }
  return {
    config: { activation: model.quick_gelu === true ? "quick_gelu" : "gelu", ...spread(mean, std) },
    notices: [
      ...noticeResizing(file, { interpolation }, ["bicubic"]),
      ...noticeResizing(file, { resize_mode }, ["shortest"]),
    ],
  };
}

/** Throws where a setting is there and is none of those that the towers compute. */
function checkSetting(file: string, setting: Json, known: readonly unknown[]): void {
  for (const [name, value] of Object.entries(setting)) {
    if (value === undefined || value === null || known.includes(value)) continue;
    const wanted =
      known.length > 0
        ? `only ${known.map((one) => JSON.stringify(one)).join(" or ")} is computed`
        : "which is not computed";
    throw new Error(`${file} asks for ${name} ${printable(JSON.stringify(value), 80)}, ${wanted}; use another model`);
  }
}

function noticeResizing(file: string, setting: Json, known: readonly unknown[]): string[] {
  return Object.entries(setting)
    .filter(([, value]) => value !== undefined && value !== null && !known.includes(value))
    .map(
      ([name, value]) =>
        `${file} asks for ${name} ${printable(JSON.stringify(value), 80)}: pictures are resized as CLIP does it all the same (bicubic, short side, middle square).`,
    );
}

function oneActivation(names: ReadonlySet<unknown>): Activation {
  const [name] = names;
  if (names.size === 1 && (name === "quick_gelu" || name === "gelu")) return name;
  throw new Error(
    `config.json asks for the activation ${printable([...names].map(shown).join(" and "), 80)}; expected quick_gelu or gelu, in both towers`,
  );
}

/** Weights do not show how many heads they are cut into; towers take width / 64. */
function checkHeads(width: unknown, heads: unknown): void {
  if (typeof width === "number" && typeof heads === "number" && width !== heads * 64) {
    throw new Error(`the model has ${heads} heads of ${width / heads}; expected heads of 64, as in OpenAI's models`);
  }
}

function spread(mean: unknown, std: unknown): Pick<ModelConfig, "mean" | "std"> {
  return isTriple(mean) && isTriple(std) ? { mean, std } : {};
}

function isTriple(value: unknown): value is [number, number, number] {
  return Array.isArray(value) && value.length === 3 && value.every((part) => typeof part === "number");
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

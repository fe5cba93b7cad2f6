import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Activation } from "../config.js";

/** What a model's configuration files say that its weights do not: the activation, and the mean and spread of RGB in 0 to 1. */
export interface ModelConfig {
  readonly activation?: Activation;
  readonly mean?: readonly [number, number, number];
  readonly std?: readonly [number, number, number];
}

type Json = Record<string, unknown>;

/** Reads Hugging Face's (`config.json`, `preprocessor_config.json`) or open_clip's files; without any, an empty configuration. */
export async function readModelConfig(folder: string): Promise<{ config?: ModelConfig; notices: string[] }> {
  const openClip = await readJson(folder, "open_clip_config.json");
  if (openClip) return { config: fromOpenClip(openClip), notices: [] };
  const config = await readJson(folder, "config.json");
  const kind = config?.model_type;
  if (!config || kind !== "clip") {
    // A file without a model type is not transformers'; one with another type is worth telling.
    return {
      notices: typeof kind === "string" ? [`config.json describes a "${kind}" model, not "clip": it is not used.`] : [],
    };
  }
  return { config: fromHuggingFace(config, await readJson(folder, "preprocessor_config.json")), notices: [] };
}

async function readJson(folder: string, name: string): Promise<Json | undefined> {
  const text = await readFile(join(folder, name), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return asObject(JSON.parse(text));
  } catch {
    throw new Error(`${name} beside the weights is not JSON; repair or remove it`);
  }
}

function fromHuggingFace(config: Json, preprocessor: Json | undefined): ModelConfig {
  const towers = [asObject(config.vision_config), asObject(config.text_config)];
  const activations = new Set(towers.map((tower) => tower.hidden_act ?? "quick_gelu")); // transformers' own default
  for (const { hidden_size: width, num_attention_heads: heads } of towers) checkHeads(width, heads);
  return { activation: oneActivation(activations), ...spread(preprocessor?.image_mean, preprocessor?.image_std) };
}

function fromOpenClip(config: Json): ModelConfig {
  const model = asObject(config.model_cfg);
  const preprocessing = asObject(config.preprocess_cfg);
  const text = asObject(model.text_cfg);
  checkHeads(asObject(model.vision_cfg).head_width, 1);
  checkHeads(text.width, text.heads);
  return {
    activation: model.quick_gelu === true ? "quick_gelu" : "gelu",
    ...spread(preprocessing.mean, preprocessing.std),
  };
}

function oneActivation(names: ReadonlySet<unknown>): Activation {
  const [name] = names;
  if (names.size === 1 && (name === "quick_gelu" || name === "gelu")) return name;
  throw new Error(
    `config.json asks for the activation ${[...names].join(" and ")}; expected quick_gelu or gelu, in both towers`,
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

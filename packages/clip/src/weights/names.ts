import type { Floats } from "../floats.js";
import type { IntTensor } from "./tensor-data.js";

/** The weights of a CLIP under OpenAI's names, float32. */
export type WeightMap = ReadonlyMap<string, Floats>;

type Tensors = ReadonlyMap<string, Floats | IntTensor>;

const blockParts = [
  "attn.in_proj_weight",
  "attn.in_proj_bias",
  "attn.out_proj.weight",
  "attn.out_proj.bias",
  "ln_1.weight",
  "ln_1.bias",
  "ln_2.weight",
  "ln_2.bias",
  "mlp.c_fc.weight",
  "mlp.c_fc.bias",
  "mlp.c_proj.weight",
  "mlp.c_proj.bias",
];
const textParts = [
  "token_embedding.weight",
  "positional_embedding",
  "ln_final.weight",
  "ln_final.bias",
  "text_projection",
  "logit_scale",
];
const visionParts = [
  "visual.class_embedding",
  "visual.positional_embedding",
  "visual.conv1.weight",
  "visual.ln_pre.weight",
  "visual.ln_pre.bias",
  "visual.ln_post.weight",
  "visual.ln_post.bias",
  "visual.proj",
];

// Buffers that are no weights: sizes kept in OpenAI's archives, position counters of old Hugging Face files.
const ignored = /(^|\.)(input_resolution|context_length|vocab_size|position_ids|num_batches_tracked|attn_mask)$/;

/**
 * Gives the weights of a CLIP the names OpenAI uses, from OpenAI's, open_clip's (also with the text tower under `text.`) or
 * Hugging Face's `CLIPModel` names. There query, key and value become one matrix and the two projections are transposed.
 * Throws one line that lists missing and unexpected names when the tensors are not those of a CLIP.
 * Source: transformers `convert_clip_original_pytorch_to_hf.py`.
 *
 * @example
 * ```ts
 * import { toOpenAiNames } from "@locoop/clip";
 *
 * try {
 *   toOpenAiNames(new Map([["fc.weight", { data: new Float32Array(1), shape: [1] }]]));
 * } catch (error) {
 *   console.log((error as Error).message); // these weights are not a CLIP's: ...
 * }
 * ```
 */
export function toOpenAiNames(tensors: ReadonlyMap<string, Floats | IntTensor>): WeightMap {
  const kept = new Map<string, Floats | IntTensor>();
  for (const [name, tensor] of tensors) if (!ignored.test(name)) kept.set(name, tensor);
  const huggingFace = kept.has("text_model.embeddings.token_embedding.weight") || kept.has("visual_projection.weight");
  const renamed = huggingFace ? fromHuggingFace(kept) : withoutTextPrefix(kept);
  return checkNames(renamed);
}

/** open_clip's `CustomTextCLIP` keeps the text tower under `text.`; all else is named as OpenAI does. */
function withoutTextPrefix(tensors: Tensors): Map<string, Floats | IntTensor> {
  const renamed = new Map<string, Floats | IntTensor>();
  for (const [name, tensor] of tensors) renamed.set(name.replace(/^text\./, ""), tensor);
  return renamed;
}

const huggingFaceNames: Readonly<Record<string, string>> = {
  "vision_model.embeddings.class_embedding": "visual.class_embedding",
  "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
  "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
  "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight", // sic
  "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
  "vision_model.post_layernorm.weight": "visual.ln_post.weight",
  "vision_model.post_layernorm.bias": "visual.ln_post.bias",
  "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
  "text_model.embeddings.position_embedding.weight": "positional_embedding",
  "text_model.final_layer_norm.weight": "ln_final.weight",
  "text_model.final_layer_norm.bias": "ln_final.bias",
  "visual_projection.weight": "visual.proj",
  "text_projection.weight": "text_projection",
  logit_scale: "logit_scale",
};
const huggingFaceParts: Readonly<Record<string, string>> = {
  layer_norm1: "ln_1",
  layer_norm2: "ln_2",
  "self_attn.out_proj": "attn.out_proj",
  "mlp.fc1": "mlp.c_fc",
  "mlp.fc2": "mlp.c_proj",
};
const layerName = /^(vision|text)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$/;

function fromHuggingFace(tensors: Tensors): Map<string, Floats | IntTensor> {
  const renamed = new Map<string, Floats | IntTensor>();
  for (const [name, tensor] of tensors) {
    const plain = Object.hasOwn(huggingFaceNames, name) ? huggingFaceNames[name] : undefined;
    const [, tower, layer, part, kind] = layerName.exec(name) ?? [];
    const block = `${tower === "vision" ? "visual." : ""}transformer.resblocks.${layer}`;
    const blockPart = part !== undefined && Object.hasOwn(huggingFaceParts, part) ? huggingFaceParts[part] : undefined;
    if (plain) {
      renamed.set(plain, name.endsWith("projection.weight") ? transpose(name, tensor) : tensor);
    } else if (blockPart) {
      renamed.set(`${block}.${blockPart}.${kind}`, tensor);
    } else if (part === "self_attn.q_proj") {
      const rows = ["q", "k", "v"].map((letter) => tensors.get(name.replace("q_proj", `${letter}_proj`)));
      renamed.set(`${block}.attn.in_proj_${kind}`, concatenateRows(name, rows));
    } else if (part !== "self_attn.k_proj" && part !== "self_attn.v_proj") {
      renamed.set(name, tensor); // reported as unexpected
    }
  }
  return renamed;
}

function isFloats(tensor: Floats | IntTensor | undefined): tensor is Floats {
  return tensor?.data instanceof Float32Array;
}

function transpose(name: string, tensor: Floats | IntTensor): Floats {
  const [rows, columns] = tensor.shape;
  if (!isFloats(tensor) || rows === undefined || columns === undefined || tensor.shape.length !== 2) {
    throw new Error(`weight "${name}" is not a matrix of numbers: its shape is [${tensor.shape.join(",")}]`);
  }
  const data = new Float32Array(tensor.data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) data[j * rows + i] = tensor.data[i * columns + j] as number;
  }
  return { data, shape: [columns, rows] };
}

/** Query, key and value, each [D,D] (or [D]), become [3D,D] (or [3D]). */
function concatenateRows(name: string, parts: readonly (Floats | IntTensor | undefined)[]): Floats {
  const [first] = parts;
  const shape = first?.shape ?? [];
  const data = new Float32Array(3 * (first?.data.length ?? 0));
  for (const [i, part] of parts.entries()) {
    if (!isFloats(part) || part.shape.join() !== shape.join() || shape.length === 0) {
      throw new Error(
        `weight "${name}" needs its k_proj and v_proj in the same shape; the file is damaged or not a CLIP`,
      );
    }
    data.set(part.data, i * part.data.length);
  }
  return { data, shape: [3 * (shape[0] as number), ...shape.slice(1)] };
}

function checkNames(tensors: Tensors): WeightMap {
  const names = [...tensors.keys()];
  const residual = tensors.has("visual.layer1.0.conv1.weight"); // a ModifiedResNet's names vary with its depth
  const expected = new Set([...textParts, ...blocks("transformer.resblocks", names)]);
  if (!residual)
    for (const name of [...visionParts, ...blocks("visual.transformer.resblocks", names)]) expected.add(name);
  const missing = [...expected].filter((name) => !tensors.has(name));
  const unexpected = names.filter((name) => !expected.has(name) && !(residual && name.startsWith("visual.")));
  if (missing.length || unexpected.length) {
    const complaints = [
      missing.length ? `missing ${list(missing)}` : "",
      unexpected.length ? `unexpected ${list(unexpected)}` : "",
    ];
    throw new Error(
      `these weights are not a CLIP's: ${complaints.filter(Boolean).join("; ")}. ` +
        "Expected the names of OpenAI's CLIP, open_clip or Hugging Face's CLIPModel",
    );
  }
  const weights = new Map<string, Floats>();
  for (const [name, tensor] of tensors) {
    if (!isFloats(tensor))
      throw new Error(`weight "${name}" holds integers; a CLIP's weights are floating-point numbers`);
    // The scale is stored as [] or [1]; one form for all.
    weights.set(name, name === "logit_scale" && tensor.data.length === 1 ? { data: tensor.data, shape: [] } : tensor);
  }
  return weights;
}

/** The names of all blocks under `prefix`, at least one, up to the number of distinct indices in the file. */
function blocks(prefix: string, names: readonly string[]): string[] {
  const indices = new Set<string>();
  for (const name of names) {
    if (name.startsWith(`${prefix}.`)) indices.add(name.slice(prefix.length + 1).split(".", 1)[0] as string);
  }
  return Array.from({ length: Math.max(1, indices.size) }, (_, i) =>
    blockParts.map((part) => `${prefix}.${i}.${part}`),
  ).flat();
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

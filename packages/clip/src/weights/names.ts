import type { Floats } from "../floats.js";
import { describeMistake } from "./foreign-models.js";
import { printable } from "./printable.js";
import type { IntTensor } from "./tensor-data.js";

/** The weights of a CLIP under OpenAI's names, float32. */
export type WeightMap = ReadonlyMap<string, Floats>;

/** How one weight under OpenAI's name is made of a file's tensors. */
export interface WeightPart {
  /** OpenAI's name. */
  readonly name: string;
  readonly shape: readonly number[];
  /** The file's names, one but for query, key and value. */
  readonly from: readonly string[];
  readonly change: "none" | "transpose" | "stack";
}

type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

// Buffers that are no weights: sizes kept in OpenAI's archives, counters of batch normalisation, positions and masks of old files.
const ignored = /(^|\.)(input_resolution|context_length|vocab_size|position_ids|num_batches_tracked|attn_mask)$/;
// What training in parallel and compiling put before every name.
const wrapped = /^(?:module\.|_orig_mod\.)+/;

/**
 * Gives the weights of a CLIP the names OpenAI uses, from OpenAI's, open_clip's (also with the text tower under `text.`) or
 * Hugging Face's `CLIPModel` names, also with the `module.` of parallel training before them. In Hugging Face's, query, key
 * and value become one matrix and the two projections are transposed. Only renames: whether every weight is there in its shape
 * is for `inferConfig` to say. Throws one line where the tensors are not those of a CLIP, with what they probably are.
 * Source: transformers `convert_clip_original_pytorch_to_hf.py`.
 *
 * @example
 * ```ts
 * import { toOpenAiNames } from "@locoop/clip";
 *
 * try {
 *   toOpenAiNames(new Map([["layer1.0.conv1.weight", { data: new Float32Array(1), shape: [1] }]]));
 * } catch (error) {
 *   console.log((error as Error).message); // these weights are not a CLIP's: they look like a plain ResNet ...
 * }
 * ```
 */
export function toOpenAiNames(tensors: ReadonlyMap<string, Floats | IntTensor>): WeightMap {
  const weights = new Map<string, Floats>();
  for (const part of planWeights(tensors)) {
    weights.set(
      part.name,
      buildWeight(
        part,
        part.from.map((name) => tensors.get(name) as Floats | IntTensor),
      ),
    );
  }
  return weights;
}

/** What `toOpenAiNames` does, told from names and shapes alone, so that a file can be read weight by weight. */
export function planWeights(entries: Shapes): WeightPart[] {
  const plain = new Map<string, { readonly shape: readonly number[]; readonly from: string }>();
  for (const [from, { shape }] of entries) {
    if (ignored.test(from)) continue;
    const name = from.replace(wrapped, "");
    const other = plain.get(name)?.from;
    if (other !== undefined)
      throw new Error(
        `the tensors "${printable(other)}" and "${printable(from)}" are both ${printable(name)}; expected one of them`,
      );
    plain.set(name, { shape, from });
  }
  const huggingFace =
    plain.has("text_model.embeddings.token_embedding.weight") || plain.has("visual_projection.weight");
  const parts = new Map<string, WeightPart>();
  for (const [name, { shape, from }] of plain) {
    const part = huggingFace ? fromHuggingFace(name, shape, plain) : { name: name.replace(/^text\./, ""), shape };
    if (!part) continue;
    const other = parts.get(part.name);
    if (other)
      throw new Error(
        `the tensors "${printable(String(other.from[0]))}" and "${printable(from)}" are both ${printable(part.name)}; expected one of them`,
      );
    // The scale is stored as [] or [1]; one form for all.
    const scalar = part.name === "logit_scale" && part.shape.every((side) => side === 1);
    parts.set(part.name, { from: [from], change: "none", ...part, ...(scalar && { shape: [] }) });
  }
  const mistake = describeMistake(parts);
  if (mistake !== undefined) throw new Error(mistake);
  return [...parts.values()];
}

/** Makes one weight of the tensors that its plan names. */
export function buildWeight(
  { name, shape, from, change }: WeightPart,
  tensors: readonly (Floats | IntTensor)[],
): Floats {
  const parts = tensors.map(({ data }, i) => {
    if (data instanceof Float32Array) return data;
    throw new Error(
      `weight "${printable(from[i] ?? name)}" holds integers; a CLIP's weights are floating-point numbers`,
    );
  });
  const [first = new Float32Array(0)] = parts;
  if (change === "none") return { data: first, shape };
  const data = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  if (change === "stack") {
    let position = 0;
    for (const part of parts) {
      data.set(part, position);
      position += part.length;
    }
    return { data, shape };
  }
  const [columns = 0, rows = 0] = shape;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) data[j * rows + i] = first[i * columns + j] as number;
  }
  return { data, shape };
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

type Named = Pick<WeightPart, "name" | "shape"> & Partial<WeightPart>;

function fromHuggingFace(
  name: string,
  shape: readonly number[],
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly from: string }>,
): Named | undefined {
  const plain = Object.hasOwn(huggingFaceNames, name) ? huggingFaceNames[name] : undefined;
  if (plain !== undefined) {
    if (!name.endsWith("projection.weight")) return { name: plain, shape };
    if (shape.length !== 2)
      throw new Error(`weight "${name}" is not a matrix: its shape is [${printable(shape.join(","), 80)}]`);
    return { name: plain, shape: [...shape].reverse(), change: "transpose" };
  }
  const [, tower, layer, part = "", kind] = layerName.exec(name) ?? [];
  const block = `${tower === "vision" ? "visual." : ""}transformer.resblocks.${layer}`;
  if (Object.hasOwn(huggingFaceParts, part)) return { name: `${block}.${huggingFaceParts[part]}.${kind}`, shape };
  const [, letter] = /^self_attn\.([qkv])_proj$/.exec(part) ?? [];
  const siblings = ["q", "k", "v"].map((other) => tensors.get(name.replace(/[qkv]_proj/, `${other}_proj`)));
  // Without its query, and whatever else is not known, under its own name: `inferConfig` reports it.
  if (letter === undefined || siblings[0] === undefined) return { name, shape };
  if (letter !== "q") return undefined;
  if (shape.length === 0 || siblings.some((sibling) => sibling?.shape.join() !== shape.join())) {
    throw new Error(
      `weight "${name}" needs its k_proj and v_proj in the same shape; the file is damaged or not a CLIP`,
    );
  }
  return {
    name: `${block}.attn.in_proj_${kind}`,
    shape: [3 * (shape[0] as number), ...shape.slice(1)],
    from: siblings.map((sibling) => sibling?.from ?? ""),
    change: "stack",
  };
}

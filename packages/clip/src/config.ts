import type { WeightMap } from "./weights/names.js";

export type { WeightMap } from "./weights/names.js";

/** The activation of a CLIP's feed-forward layers: OpenAI's x * sigmoid(1.702 x), or the exact GELU. */
export type Activation = "quick_gelu" | "gelu";

/** Sizes of the vision transformer. */
export interface VisionConfig {
  readonly kind: "vit";
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly patchSize: number;
}

/** Sizes of the text transformer. */
export interface TextConfig {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly contextLength: number;
  readonly vocabSize: number;
}

/** A CLIP's architecture as data: sizes in numbers of features, tokens and pixels; `mean` and `std` of RGB in 0 to 1. */
export interface ClipConfig {
  readonly embedDim: number;
  readonly imageSize: number;
  readonly vision: VisionConfig;
  readonly text: TextConfig;
  readonly activation: Activation;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

const openAiMean = [0.48145466, 0.4578275, 0.40821073] as const;
const openAiStd = [0.26862954, 0.26130258, 0.27577711] as const;

/**
 * Reads a CLIP's architecture off its weights' shapes (OpenAI names; heads are width / 64, as in every CLIP of OpenAI).
 * What shapes do not tell is assumed and said in `notices`: the activation, unless given, is QuickGELU.
 * Throws where weights are missing, misshapen or of another kind of model.
 *
 * @example
 * ```ts
 * import { inferConfig, type WeightMap } from "@locoop/clip";
 *
 * const sizesOf = (weights: WeightMap) => inferConfig(weights, { activation: "quick_gelu" }).config;
 * ```
 */
export function inferConfig(
  weights: WeightMap,
  {
    activation,
    mean = openAiMean,
    std = openAiStd,
  }: {
    activation?: Activation;
    mean?: readonly [number, number, number];
    std?: readonly [number, number, number];
  } = {},
): { config: ClipConfig; notices: string[] } {
  if (weights.has("visual.layer1.0.conv1.weight")) {
    throw new Error("expected a CLIP with a vision transformer, came one with a ModifiedResNet: use a ViT model");
  }
  const [visionWidth, , patchSize] = shapeOf(weights, "visual.conv1.weight", 4) as [number, number, number, number];
  const [positions] = shapeOf(weights, "visual.positional_embedding", 2) as [number, number];
  const [textWidth, embedDim] = shapeOf(weights, "text_projection", 2) as [number, number];
  const [contextLength] = shapeOf(weights, "positional_embedding", 2) as [number, number];
  const [vocabSize] = shapeOf(weights, "token_embedding.weight", 2) as [number, number];
  const grid = Math.round(Math.sqrt(positions - 1));
  const config: ClipConfig = {
    embedDim,
    imageSize: grid * patchSize,
    vision: {
      kind: "vit",
      width: visionWidth,
      layers: countBlocks(weights, "visual.transformer.resblocks."),
      heads: headsOf(visionWidth, "vision"),
      patchSize,
    },
    text: {
      width: textWidth,
      layers: countBlocks(weights, "transformer.resblocks."),
      heads: headsOf(textWidth, "text"),
      contextLength,
      vocabSize,
    },
    activation: activation ?? "quick_gelu",
    mean,
    std,
  };
  checkWeights(weights, config);
  const notices =
    activation === undefined
      ? ["The weights do not say which activation they were trained with: QuickGELU is assumed, as in OpenAI's models."]
      : [];
  return { config, notices };
}

/** Throws unless every weight of this architecture is there in its shape. */
export function checkWeights(weights: WeightMap, config: ClipConfig): void {
  for (const [name, shape] of expectedShapes(config)) {
    const came = shapeOf(weights, name, shape.length);
    if (came.some((size, axis) => size !== shape[axis])) {
      throw new Error(`weights of another model: expected ${name} of shape [${shape}], came [${came}]`);
    }
  }
  const scale = weights.get("logit_scale");
  if (scale?.data.length !== 1) {
    throw new Error(`expected one number as logit_scale, came ${scale ? `shape [${scale.shape}]` : "none"}`);
  }
}

/** Every weight of a CLIP with a vision transformer but `logit_scale`, which may be of shape [] or [1]. */
export function expectedShapes(config: ClipConfig): [string, readonly number[]][] {
  const { embedDim, imageSize, vision, text } = config;
  const regions = (imageSize / vision.patchSize) ** 2;
  return [
    ["visual.class_embedding", [vision.width]],
    ["visual.positional_embedding", [regions + 1, vision.width]],
    ["visual.conv1.weight", [vision.width, 3, vision.patchSize, vision.patchSize]],
    ...normShapes("visual.ln_pre", vision.width),
    ...blockShapes("visual.transformer.resblocks.", vision),
    ...normShapes("visual.ln_post", vision.width),
    ["visual.proj", [vision.width, embedDim]],
    ["token_embedding.weight", [text.vocabSize, text.width]],
    ["positional_embedding", [text.contextLength, text.width]],
    ...blockShapes("transformer.resblocks.", text),
    ...normShapes("ln_final", text.width),
    ["text_projection", [text.width, embedDim]],
  ];
}

function normShapes(name: string, width: number): [string, readonly number[]][] {
  return [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ];
}

function blockShapes(
  prefix: string,
  { width, layers }: { width: number; layers: number },
): [string, readonly number[]][] {
  return Array.from({ length: layers }, (_, layer) => `${prefix}${layer}.`).flatMap((block) => [
    ...normShapes(`${block}ln_1`, width),
    [`${block}attn.in_proj_weight`, [3 * width, width]],
    [`${block}attn.in_proj_bias`, [3 * width]],
    [`${block}attn.out_proj.weight`, [width, width]],
    [`${block}attn.out_proj.bias`, [width]],
    ...normShapes(`${block}ln_2`, width),
    [`${block}mlp.c_fc.weight`, [4 * width, width]],
    [`${block}mlp.c_fc.bias`, [4 * width]],
    [`${block}mlp.c_proj.weight`, [width, 4 * width]],
    [`${block}mlp.c_proj.bias`, [width]],
  ]);
}

function shapeOf(weights: WeightMap, name: string, rank: number): readonly number[] {
  const tensor = weights.get(name);
  if (tensor === undefined) {
    const examples = [...weights.keys()].slice(0, 3).join(", ") || "none";
    throw new Error(
      `expected the weights of a CLIP under OpenAI's names: ${name} is missing among ${weights.size} tensors (${examples} ...)`,
    );
  }
  if (tensor.shape.length !== rank) {
    throw new Error(`weights of another model: expected ${name} with ${rank} axes, came shape [${tensor.shape}]`);
  }
  return tensor.shape;
}

function countBlocks(weights: WeightMap, prefix: string): number {
  let layers = 0;
  while (weights.has(`${prefix}${layers}.ln_1.weight`)) layers++;
  if (layers === 0) throw new Error(`expected the weights of a CLIP under OpenAI's names: no ${prefix}0 came`);
  return layers;
}

function headsOf(width: number, tower: string): number {
  if (width % 64 !== 0) {
    throw new Error(`expected a ${tower} width that is a multiple of 64 (a head's width), came ${width}`);
  }
  return width / 64;
}

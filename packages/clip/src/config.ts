import { checkWeights, type Shapes } from "./weight-shapes.js";

export type { WeightMap } from "./weights/names.js";
export { checkWeights, expectedShapes, type Shapes } from "./weight-shapes.js";

/** The activation of a CLIP's feed-forward layers: OpenAI's x * sigmoid(1.702 x), or the exact GELU. */
export type Activation = "quick_gelu" | "gelu";

/** Sizes of a vision transformer. */
export interface VitConfig {
  readonly kind: "vit";
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly patchSize: number;
}

/** Sizes of a ModifiedResNet: bottlenecks in each of its four stages, channels of its stem, heads of its attention pool. */
export interface ResNetConfig {
  readonly kind: "modified-resnet";
  readonly width: number;
  readonly layers: readonly [number, number, number, number];
  readonly heads: number;
}

/** Sizes of the image tower, a vision transformer or a ModifiedResNet. */
export type VisionConfig = VitConfig | ResNetConfig;

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

/** A ModifiedResNet's last map is so many times smaller than its picture. */
const resNetReduction = 32;

/**
 * Reads a CLIP's architecture off its weights' shapes (OpenAI names), those of a vision transformer or of a ModifiedResNet; values are
 * not looked at. Heads are 64 wide, as in every CLIP of OpenAI. What shapes do not tell is assumed and said in `notices`: the
 * activation, unless given, is QuickGELU. Throws one line that lists the weights that are missing, of another shape, or too many.
 *
 * @example
 * ```ts
 * import { inferConfig, type WeightMap } from "@locoop/clip";
 *
 * const sizesOf = (weights: WeightMap) => inferConfig(weights, { activation: "quick_gelu" }).config;
 * ```
 */
export function inferConfig(
  weights: Shapes,
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
  const residual = [...weights.keys()].some((name) => /^visual\.(layer\d|attnpool)\./.test(name));
  const ranks = { ...textRanks, ...(residual ? resNetRanks : vitRanks) };
  const sizes = readSizes(weights, ranks);
  const [textWidth, embedDim] = sizes("text_projection") as [number, number];
  const [contextLength] = sizes("positional_embedding") as [number, number];
  const [vocabSize] = sizes("token_embedding.weight") as [number, number];
  const config: ClipConfig = {
    embedDim,
    ...(residual ? inferResNet(weights, sizes) : inferVit(weights, sizes)),
    text: {
      width: textWidth,
      layers: countIndices(weights, "transformer.resblocks."),
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

/**
 * How many regions a side of the picture has: the image tower's local features are [B,P,E] with P the square of it, row by row.
 *
 * @example
 * ```ts
 * import { regionGrid, type Clip } from "@locoop/clip";
 *
 * const regionsOf = (clip: Clip) => regionGrid(clip.config) ** 2; // 196 for ViT-B/16, 49 for RN50
 * ```
 */
export function regionGrid({ imageSize, vision }: Pick<ClipConfig, "imageSize" | "vision">): number {
  return imageSize / (vision.kind === "vit" ? vision.patchSize : resNetReduction);
}

/** Weights whose shapes tell the architecture, with the number of their axes. */
const textRanks = { text_projection: 2, positional_embedding: 2, "token_embedding.weight": 2 };
const vitRanks = { "visual.conv1.weight": 4, "visual.positional_embedding": 2 };
const resNetRanks = { "visual.layer1.0.conv1.weight": 4, "visual.attnpool.positional_embedding": 2 };

type Sizes = (name: string) => readonly number[];

function inferVit(weights: Shapes, sizes: Sizes): Pick<ClipConfig, "imageSize" | "vision"> {
  const [width, , patchSize] = sizes("visual.conv1.weight") as [number, number, number, number];
  const layers = countIndices(weights, "visual.transformer.resblocks.");
  return {
    imageSize: gridOf("visual.positional_embedding", sizes) * patchSize,
    vision: { kind: "vit", width, layers, heads: headsOf(width, "vision"), patchSize },
  };
}

function inferResNet(weights: Shapes, sizes: Sizes): Pick<ClipConfig, "imageSize" | "vision"> {
  const [width] = sizes("visual.layer1.0.conv1.weight") as [number, number, number, number];
  const [one, two, three, four] = [1, 2, 3, 4].map((stage) => countIndices(weights, `visual.layer${stage}.`));
  return {
    imageSize: gridOf("visual.attnpool.positional_embedding", sizes) * resNetReduction,
    vision: {
      kind: "modified-resnet",
      width,
      layers: [one!, two!, three!, four!],
      heads: headsOf(width * 32, "vision"), // the pool looks at the last map's channels
    },
  };
}

/** The shapes of these weights; throws one line if some are missing or have other axes. */
function readSizes(weights: Shapes, ranks: Readonly<Record<string, number>>): Sizes {
  const missing = Object.keys(ranks).filter((name) => !weights.has(name));
  if (missing.length > 0) {
    const examples = [...weights.keys()].slice(0, 3).join(", ") || "none";
    throw new Error(
      `expected the weights of a CLIP under OpenAI's names: ${missing.join(", ")} ${missing.length > 1 ? "are" : "is"} missing among ${weights.size} tensors (${examples} ...); use a whole file of a CLIP`,
    );
  }
  for (const [name, rank] of Object.entries(ranks)) {
    const { shape } = weights.get(name)!;
    if (shape.length === rank && shape.every((size) => size > 0)) continue;
    throw new Error(
      `weights of another model: expected ${name} with ${rank} axes, came shape [${shape}]; use those of a CLIP`,
    );
  }
  return (name) => weights.get(name)!.shape;
}

/** Regions per side by the positions, one for each region and one for the whole picture. */
function gridOf(name: string, sizes: Sizes): number {
  const [positions] = sizes(name) as [number, number];
  const grid = Math.round(Math.sqrt(positions - 1));
  if (grid < 1 || grid * grid !== positions - 1) {
    throw new Error(
      `weights of another model: expected ${name} with a square number of regions and one position more, came ${positions} positions; use a CLIP for square pictures`,
    );
  }
  return grid;
}

/** How many blocks are numbered after a prefix; at least 1, so that the report of what is missing names the first. */
function countIndices(weights: Shapes, prefix: string): number {
  const indices = new Set<string>();
  for (const name of weights.keys()) {
    if (!name.startsWith(prefix)) continue;
    const [index] = name.slice(prefix.length).split(".", 1) as [string];
    if (/^\d+$/.test(index)) indices.add(index);
  }
  return Math.max(1, indices.size);
}

function headsOf(width: number, tower: string): number {
  if (width % 64 !== 0) {
    throw new Error(
      `expected a ${tower} width that is a multiple of 64 (a head's width), came ${width}; use a model with heads of 64, as OpenAI's are`,
    );
  }
  return width / 64;
}

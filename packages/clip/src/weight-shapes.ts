import type { ClipConfig, ResNetConfig, VitConfig } from "./config.js";

/** Weights by name as far as their shapes: a `WeightMap`, or the entries of a file's header. */
export type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

type Expected = [string, readonly number[]][];

/**
 * Throws unless the weights are exactly those of this architecture, each in its shape: one line that lists what is missing, of
 * another shape and not expected.
 */
export function checkWeights(weights: Shapes, config: ClipConfig): void {
  const expected = new Map(expectedShapes(config));
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [name, shape] of expected) {
    const came = weights.get(name)?.shape;
    if (came === undefined) missing.push(name);
    else if (!sameShape(came, shape)) misshapen.push(`${name} [${came}] for [${shape}]`);
  }
  const scale = weights.get("logit_scale")?.shape;
  if (scale === undefined) missing.push("logit_scale");
  else if (scale.some((size) => size !== 1)) misshapen.push(`logit_scale [${scale}] for one number`);
  const unexpected = [...weights.keys()].filter((name) => name !== "logit_scale" && !expected.has(name));
  const complaints = [
    ["missing", missing] as const,
    ["of another shape", misshapen] as const,
    ["unexpected", unexpected] as const,
  ].filter(([, names]) => names.length > 0);
  if (complaints.length === 0) return;
  throw new Error(
    `weights of another model: expected ${expected.size + 1} tensors of ${describe(config)}, came ${weights.size}: ` +
      `${complaints.map(([what, names]) => `${what} ${list(names)}`).join("; ")}. ` +
      "Use the whole file of one CLIP, with the configuration that belongs to it",
  );
}

/** Every weight of a CLIP but `logit_scale`, which may be of shape [] or [1]. */
export function expectedShapes(config: ClipConfig): [string, readonly number[]][] {
  const { embedDim, vision, text } = config;
  return [
    ...(vision.kind === "vit" ? vitShapes(config, vision) : resNetShapes(config, vision)),
    ["token_embedding.weight", [text.vocabSize, text.width]],
    ["positional_embedding", [text.contextLength, text.width]],
    ...blockShapes("transformer.resblocks.", text),
    ...pairShapes("ln_final", [text.width]),
    ["text_projection", [text.width, embedDim]],
  ];
}

function vitShapes({ embedDim, imageSize }: ClipConfig, vision: VitConfig): Expected {
  const { width, patchSize } = vision;
  return [
    ["visual.class_embedding", [width]],
    ["visual.positional_embedding", [(imageSize / patchSize) ** 2 + 1, width]],
    ["visual.conv1.weight", [width, 3, patchSize, patchSize]],
    ...pairShapes("visual.ln_pre", [width]),
    ...blockShapes("visual.transformer.resblocks.", vision),
    ...pairShapes("visual.ln_post", [width]),
    ["visual.proj", [width, embedDim]],
  ];
}

function resNetShapes({ embedDim, imageSize }: ClipConfig, { width, layers }: ResNetConfig): Expected {
  const stem = [3, width / 2, width / 2, width];
  const last = width * 32;
  const poolings: [string, number][] = [
    ["k_proj", last],
    ["q_proj", last],
    ["v_proj", last],
    ["c_proj", embedDim],
  ];
  return [
    ...[1, 2, 3].flatMap((i) => convolutionShapes(`visual.conv${i}`, `visual.bn${i}`, [stem[i]!, stem[i - 1]!, 3, 3])),
    ...layers.flatMap((count, stage) =>
      Array.from({ length: count }, (_, i) =>
        bottleneckShapes(`visual.layer${stage + 1}.${i}`, width, stage, i),
      ).flat(),
    ),
    ["visual.attnpool.positional_embedding", [(imageSize / 32) ** 2 + 1, last]],
    ...poolings.flatMap(([name, out]) => pairShapes(`visual.attnpool.${name}`, [out, last])),
  ];
}

/** A bottleneck's three convolutions and, in the first of a stage, that of its short cut. */
function bottleneckShapes(name: string, width: number, stage: number, index: number): Expected {
  const planes = width * 2 ** stage;
  const inner = index > 0 ? planes * 4 : stage === 0 ? width : planes * 2;
  return [
    ...convolutionShapes(`${name}.conv1`, `${name}.bn1`, [planes, inner, 1, 1]),
    ...convolutionShapes(`${name}.conv2`, `${name}.bn2`, [planes, planes, 3, 3]),
    ...convolutionShapes(`${name}.conv3`, `${name}.bn3`, [planes * 4, planes, 1, 1]),
    ...(index > 0 ? [] : convolutionShapes(`${name}.downsample.0`, `${name}.downsample.1`, [planes * 4, inner, 1, 1])),
  ];
}

/** A convolution and its batch normalisation. */
function convolutionShapes(name: string, norm: string, shape: readonly [number, number, number, number]): Expected {
  return [
    [`${name}.weight`, shape],
    ...["weight", "bias", "running_mean", "running_var"].map((part): Expected[number] => [
      `${norm}.${part}`,
      [shape[0]],
    ]),
  ];
}

/** A weight and the bias of as many numbers as its first axis. */
function pairShapes(name: string, shape: readonly [number, ...number[]]): Expected {
  return [
    [`${name}.weight`, shape],
    [`${name}.bias`, [shape[0]]],
  ];
}

function blockShapes(prefix: string, { width, layers }: { width: number; layers: number }): Expected {
  return Array.from({ length: layers }, (_, layer) => `${prefix}${layer}.`).flatMap((block): Expected => [
    ...pairShapes(`${block}ln_1`, [width]),
    [`${block}attn.in_proj_weight`, [3 * width, width]],
    [`${block}attn.in_proj_bias`, [3 * width]],
    ...pairShapes(`${block}attn.out_proj`, [width, width]),
    ...pairShapes(`${block}ln_2`, [width]),
    ...pairShapes(`${block}mlp.c_fc`, [4 * width, width]),
    ...pairShapes(`${block}mlp.c_proj`, [width, 4 * width]),
  ]);
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/** An architecture in a few words. */
function describe({ vision, text, embedDim, imageSize }: ClipConfig): string {
  const tower =
    vision.kind === "vit"
      ? `a vision transformer of ${vision.layers} blocks of ${vision.width} with patches of ${vision.patchSize}`
      : `a ModifiedResNet of ${vision.layers.join(", ")} blocks from ${vision.width} channels`;
  return `${tower} for ${imageSize} pixels, with ${text.layers} blocks of ${text.width} for text and ${embedDim} features`;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(", ");
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown;
}

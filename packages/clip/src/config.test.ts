import { expect, test } from "vitest";
import { checkWeights, expectedShapes, inferConfig, regionGrid, type ClipConfig, type WeightMap } from "./config.js";
import { formulaConfig, formulaResNetConfig, formulaWeights } from "./engines/tiny-clip.js";

const without = (...names: string[]): WeightMap =>
  new Map([...formulaWeights()].filter(([name]) => !names.includes(name)));
const withShape = (name: string, shape: number[]): WeightMap =>
  new Map([...formulaWeights(), [name, { data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape }]]);
const shapesOf = (config: ClipConfig) =>
  new Map([...expectedShapes(config), ["logit_scale", []] as const].map(([name, shape]) => [name, { shape }]));

test.each([formulaConfig, formulaResNetConfig])(
  "reads the architecture off the shapes and says what it assumes",
  (wanted) => {
    const { config, notices } = inferConfig(formulaWeights(wanted));
    const { mean: _mean, std: _std, ...sizes } = wanted;
    expect(config).toMatchObject(sizes);
    expect(config.mean).toEqual([0.48145466, 0.4578275, 0.40821073]); // OpenAI's preprocessing
    expect(notices).toHaveLength(1);
    expect(notices[0]).toContain("QuickGELU is assumed");
    const chosen = inferConfig(formulaWeights(wanted), { activation: "gelu", mean: [0, 0, 0] });
    expect(chosen.config.activation).toBe("gelu");
    expect(chosen.config.mean).toEqual([0, 0, 0]);
    expect(chosen.notices).toEqual([]);
  },
);

test("refuses other models in one line that names what was expected and what came", () => {
  expect(() => inferConfig(new Map())).toThrow(
    /^expected the weights of a CLIP under OpenAI's names: text_projection, .*visual.conv1.weight.* are missing among 0 tensors \(none \.\.\.\)/,
  );
  expect(() => inferConfig(without("text_projection"))).toThrow("text_projection is missing among");
  expect(() => inferConfig(withShape("visual.conv1.weight", [64, 3, 4]))).toThrow("with 4 axes, came shape [64,3,4]");
  expect(() => inferConfig(withShape("visual.conv1.weight", [48, 3, 4, 4]))).toThrow("multiple of 64");
  expect(() => inferConfig(withShape("visual.positional_embedding", [12, 64]))).toThrow("came 12 positions");
  expect(() => inferConfig(withShape("visual.layer1.0.conv1.weight", [4, 4, 1, 1]))).toThrow(
    "visual.attnpool.positional_embedding is missing",
  );
});

test("reports at once what is missing, of another shape and unexpected", () => {
  expect(() => inferConfig(withShape("visual.proj", [64, 25]))).toThrow(
    "of another shape visual.proj [64,25] for [64,24]. Use the whole file of one CLIP",
  );
  expect(() => inferConfig(withShape("logit_scale", [2]))).toThrow("of another shape logit_scale [2] for one number");
  expect(() => inferConfig(without("logit_scale"))).toThrow("missing logit_scale");
  const damaged = new Map(withShape("ln_final.bias", [1]));
  for (const name of damaged.keys()) if (name.startsWith("transformer.resblocks.1.")) damaged.delete(name);
  damaged.set("transformer.resblocks.3.attn.extra", { data: new Float32Array(1), shape: [1] });
  damaged.set("decoder.weight", { data: new Float32Array(1), shape: [1] });
  expect(() => inferConfig(damaged)).toThrow(
    /^weights of another model: expected \d+ tensors of a vision transformer of 2 blocks of 64 with patches of 4 for 12 pixels, .*, came \d+: missing transformer\.resblocks\.1\.ln_1\.weight, .* and 8 more; of another shape ln_final\.bias \[1\] for \[128\]; unexpected transformer\.resblocks\.3\.attn\.extra, decoder\.weight\. [^\n]*$/,
  );
});

test("reports what a ModifiedResNet lacks by its own sizes", () => {
  const weights = new Map(shapesOf(formulaResNetConfig));
  weights.delete("visual.layer2.0.downsample.1.running_var");
  weights.set("visual.layer4.0.bn2.running_mean", { shape: [15] });
  weights.set("visual.bn1.num_batches", { shape: [] });
  expect(() => checkWeights(weights, formulaResNetConfig)).toThrow(
    /of a ModifiedResNet of 1, 2, 1, 1 blocks from 4 channels for 64 pixels, .*: missing visual\.layer2\.0\.downsample\.1\.running_var; of another shape visual\.layer4\.0\.bn2\.running_mean \[15\] for \[32\]; unexpected visual\.bn1\.num_batches\. /,
  );
  expect(() =>
    inferConfig(shapesOf({ ...formulaResNetConfig, vision: { ...formulaResNetConfig.vision, width: 3 } as never })),
  ).toThrow("multiple of 64");
});

const resNet = (width: number, ...layers: [number, number, number, number]) =>
  ({ kind: "modified-resnet", width, layers, heads: width / 2 }) as const;
const vit = (width: number, layers: number, patchSize: number) =>
  ({ kind: "vit", width, layers, heads: width / 64, patchSize }) as const;

// OpenAI's nine models: picture, image tower, features, text width and heads, and how many numbers they learned (running
// statistics are not). Checked by shape, not run.
const published = {
  RN50: [224, resNet(64, 3, 4, 6, 3), 1024, 512, 8, 7, 102_007_137],
  RN101: [224, resNet(64, 3, 4, 23, 3), 512, 512, 8, 7, 119_688_033],
  RN50x4: [288, resNet(80, 4, 6, 10, 6), 640, 640, 10, 9, 178_300_601],
  RN50x16: [384, resNet(96, 6, 8, 18, 8), 768, 768, 12, 12, 290_979_217],
  RN50x64: [448, resNet(128, 3, 15, 36, 10), 1024, 1024, 16, 14, 623_258_305],
  "ViT-B/32": [224, vit(768, 12, 32), 512, 512, 8, 7, 151_277_313],
  "ViT-B/16": [224, vit(768, 12, 16), 512, 512, 8, 14, 149_620_737],
  "ViT-L/14": [224, vit(1024, 24, 14), 768, 768, 12, 16, 427_616_513],
  "ViT-L/14@336px": [336, vit(1024, 24, 14), 768, 768, 12, 24, 427_944_193],
} as const;

test.each(Object.entries(published))(
  "the shapes of %s",
  (_, [imageSize, vision, embedDim, width, heads, grid, learned]) => {
    const text = { width, layers: 12, heads, contextLength: 77, vocabSize: 49_408 };
    const { mean, std } = inferConfig(shapesOf(formulaConfig)).config;
    const config: ClipConfig = { embedDim, imageSize, vision, text, activation: "quick_gelu", mean, std };
    const shapes = shapesOf(config);
    expect(inferConfig(shapes, { activation: "quick_gelu" })).toEqual({ config, notices: [] });
    expect(regionGrid(config)).toBe(grid);
    let count = 0;
    for (const [name, { shape }] of shapes) if (!name.includes("running_")) count += shape.reduce((a, b) => a * b, 1);
    expect(count).toBe(learned);
  },
);

// From the published files.
test.each([
  ["RN50", "visual.conv1.weight", [32, 3, 3, 3]],
  ["RN50", "visual.layer1.0.downsample.0.weight", [256, 64, 1, 1]],
  ["RN50", "visual.layer4.2.conv3.weight", [2048, 512, 1, 1]],
  ["RN50", "visual.attnpool.positional_embedding", [50, 2048]],
  ["RN50", "visual.attnpool.c_proj.weight", [1024, 2048]],
  ["RN101", "visual.layer3.22.bn2.running_var", [256]],
  ["RN101", "visual.attnpool.c_proj.bias", [512]],
  ["RN50x4", "visual.layer2.0.conv1.weight", [160, 320, 1, 1]],
  ["RN50x4", "visual.attnpool.positional_embedding", [82, 2560]],
  ["RN50x16", "visual.attnpool.k_proj.weight", [3072, 3072]],
  ["RN50x16", "visual.attnpool.positional_embedding", [145, 3072]],
  ["RN50x64", "visual.layer3.35.conv2.weight", [512, 512, 3, 3]],
  ["RN50x64", "visual.attnpool.positional_embedding", [197, 4096]],
  ["RN50x64", "text_projection", [1024, 1024]],
  ["ViT-B/32", "visual.positional_embedding", [50, 768]],
  ["ViT-B/16", "visual.conv1.weight", [768, 3, 16, 16]],
  ["ViT-L/14", "visual.transformer.resblocks.23.mlp.c_fc.weight", [4096, 1024]],
  ["ViT-L/14@336px", "visual.positional_embedding", [577, 1024]],
] as const)("%s has %s of shape %j", (model, name, shape) => {
  const [imageSize, vision, embedDim, width, heads] = published[model];
  const text = { width, layers: 12, heads, contextLength: 77, vocabSize: 49_408 };
  expect(shapesOf({ ...formulaConfig, embedDim, imageSize, vision, text }).get(name)?.shape).toEqual(shape);
});

// The text step of prompt learning, forward and gradient, on wasm: prompts that share their beginning against the same
// prompts written out at all 77 positions. Text sizes of ViT-B/16 (width 512, 12 layers, 8 heads), weights by formula,
// 10 classes, 16 context tokens. Both run in this process, in turn; the ratio of their times is printed.
//
//   npm run text-step -w bench [-- rounds]
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { createClip, type Floats, type PromptBatch, type Tokenizer, type WeightMap } from "@locoop/clip";
import { tfjsEngine } from "@locoop/clip/tfjs";

const rounds = Number(process.argv[2] ?? 7);
const [width, layers, classes, contexts, length, vocabulary] = [512, 12, 10, 16, 77, 600];
// Tokens of ten class names with "." and the end token: one to three tokens a name, as most of ImageNet's.
const ownLengths = [3, 4, 3, 5, 4, 3, 4, 5, 3, 4];

const numbers = (seed: number, shape: number[], amplitude: number, base = 0): Floats => {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) {
    let x = (i ^ Math.imul(seed, 0x9e3779b9)) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    data[i] = base + amplitude * (((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1);
  }
  return { data, shape };
};

function formulaWeights(): WeightMap {
  const weights = new Map<string, Floats>();
  const add = (name: string, shape: number[], amplitude: number, base = 0): void =>
    void weights.set(name, numbers(weights.size + 1, shape, amplitude, base));
  const block = (name: string, w: number): void => {
    for (const norm of ["ln_1", "ln_2"]) {
      add(`${name}.${norm}.weight`, [w], 0.25, 1);
      add(`${name}.${norm}.bias`, [w], 0.1);
    }
    add(`${name}.attn.in_proj_weight`, [3 * w, w], 0.1);
    add(`${name}.attn.in_proj_bias`, [3 * w], 0.05);
    add(`${name}.attn.out_proj.weight`, [w, w], 0.04);
    add(`${name}.attn.out_proj.bias`, [w], 0.05);
    add(`${name}.mlp.c_fc.weight`, [4 * w, w], 0.07);
    add(`${name}.mlp.c_fc.bias`, [4 * w], 0.05);
    add(`${name}.mlp.c_proj.weight`, [w, 4 * w], 0.02);
    add(`${name}.mlp.c_proj.bias`, [w], 0.05);
  };
  // The picture tower is not used: one small block.
  add("visual.class_embedding", [64], 0.1);
  add("visual.positional_embedding", [5, 64], 0.1);
  add("visual.conv1.weight", [64, 3, 8, 8], 0.1);
  for (const norm of ["ln_pre", "ln_post"]) {
    add(`visual.${norm}.weight`, [64], 0.25, 1);
    add(`visual.${norm}.bias`, [64], 0.1);
  }
  block("visual.transformer.resblocks.0", 64);
  add("visual.proj", [64, width], 0.1);
  add("token_embedding.weight", [vocabulary, width], 0.5);
  add("positional_embedding", [length, width], 0.1);
  for (let layer = 0; layer < layers; layer++) block(`transformer.resblocks.${layer}`, width);
  add("ln_final.weight", [width], 0.25, 1);
  add("ln_final.bias", [width], 0.1);
  add("text_projection", [width, width], 0.08);
  add("logit_scale", [], 0, 4.6);
  return weights;
}

const shared = 1 + contexts; // the start token and the contexts
const longest = Math.max(...ownLengths);
const tokens = numbers(1000, [shared + classes * longest, width], 0.5).data;

/** What `encode` is made for: the beginning once, own tokens to the end token. */
const cut: PromptBatch<Floats> = {
  shared: { data: tokens.subarray(0, shared * width), shape: [shared, width] },
  own: { data: tokens.subarray(shared * width), shape: [classes, longest, width] },
  end: Int32Array.from(ownLengths, (own) => own - 1),
};

/** The same prompts at 77 positions each; `end` at the last one, so that nothing is cut. */
const full: PromptBatch<Floats> = (() => {
  const data = new Float32Array(classes * length * width);
  for (let c = 0; c < classes; c++) {
    data.set(cut.shared.data, c * length * width);
    data.set(cut.own.data.subarray(c * longest * width, (c + 1) * longest * width), (c * length + shared) * width);
  }
  return {
    shared: { data: new Float32Array(0), shape: [0, width] },
    own: { data, shape: [classes, length, width] },
    end: new Int32Array(classes).fill(length - 1),
  };
})();

const tokenizer: Tokenizer = {
  startToken: vocabulary - 2,
  endToken: vocabulary - 1,
  vocabSize: vocabulary,
  encode: () => [],
  tokenize: () => new Int32Array(length),
  decode: () => "",
};

await tf.setBackend("wasm");
const clip = createClip({ weights: formulaWeights(), engine: tfjsEngine({ tf }), tokenizer });
const gradient = numbers(2000, [classes, width], 0.1).data;

/** Forward and gradient of the whole batch, in milliseconds. */
async function step(prompts: PromptBatch<Floats>): Promise<number> {
  const start = performance.now();
  const encoded = await clip.text.encode(prompts, { gradient: true });
  await encoded.pullback(gradient);
  encoded.dispose();
  return performance.now() - start;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const times = { cut: [] as number[], full: [] as number[] };
await step(cut); // the first run uploads the weights and packs them
await step(full);
for (let round = 0; round < rounds; round++) {
  for (const [name, prompts] of [
    ["cut", cut],
    ["full", full],
  ] as const) {
    times[name].push(await step(prompts));
  }
}
clip.dispose();
const ratios = times.full.map((slow, round) => slow / times.cut[round]!).toSorted((a, b) => a - b);
const show = (ratio: number): string => ratio.toFixed(1);
console.log(`time at 77 positions each / time with the shared beginning, ${rounds} interleaved rounds, wasm:`);
console.log(
  `ratio of medians ${show(median(times.full) / median(times.cut))}, rounds from ${show(ratios[0]!)} to ${show(ratios.at(-1)!)}`,
);

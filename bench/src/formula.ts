// Weights and inputs that need no download: every number is a hash of its place. The weights are those of the full-size
// test of @locoop/clip, number for number, so what is timed here is what is compared with the reference there.
import type { Floats } from "@locoop/clip";

const mix = (value: number): number => {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
};

/** Tensor number `tensor`: numbers spread evenly over `base` +- `amplitude`. */
export function fill(tensor: number, shape: readonly number[], amplitude: number, base = 0): Floats {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const key = mix(tensor + 0x9e3779b9);
  for (let i = 0; i < data.length; i++) data[i] = base + amplitude * (mix(i ^ key) / 2147483648 - 1);
  return { data, shape };
}

/** The sizes of CLIP ViT-B/16. */
export const sizes = {
  embed: 512,
  imageSize: 224,
  patch: 16,
  vision: { width: 768, layers: 12, heads: 12 },
  text: { width: 512, layers: 12, heads: 8, vocabulary: 49408, length: 77 },
} as const;

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly amplitude: number;
  readonly base: number;
}

/** What tensors CLIP ViT-B/16 has, by OpenAI's names in plain order; a tensor's number is its place. */
export function listWeights(): Entry[] {
  const entries: Entry[] = [];
  const add = (name: string, shape: readonly number[], amplitude: number, base = 0): void =>
    void entries.push({ name, shape, amplitude, base });
  const norm = (name: string, width: number): void => {
    add(`${name}.weight`, [width], 0.25, 1);
    add(`${name}.bias`, [width], 0.125);
  };
  /** Amplitudes keep the variance of what goes through a matrix, in 1024ths, so that they are exact. */
  const block = (name: string, w: number, [into, out, up, down]: readonly [number, number, number, number]): void => {
    norm(`${name}.ln_1`, w);
    norm(`${name}.ln_2`, w);
    add(`${name}.attn.in_proj_weight`, [3 * w, w], into / 1024);
    add(`${name}.attn.in_proj_bias`, [3 * w], 0.0625);
    add(`${name}.attn.out_proj.weight`, [w, w], out / 1024);
    add(`${name}.attn.out_proj.bias`, [w], 0.0625);
    add(`${name}.mlp.c_fc.weight`, [4 * w, w], up / 1024);
    add(`${name}.mlp.c_fc.bias`, [4 * w], 0.0625);
    add(`${name}.mlp.c_proj.weight`, [w, 4 * w], down / 1024);
    add(`${name}.mlp.c_proj.bias`, [w], 0.0625);
  };
  const { embed, imageSize, patch, vision, text } = sizes;
  for (let i = 0; i < text.layers; i++) block(`transformer.resblocks.${i}`, text.width, [118, 39, 78, 19.5]);
  add("token_embedding.weight", [text.vocabulary, text.width], 0.5);
  add("positional_embedding", [text.length, text.width], 0.125);
  norm("ln_final", text.width);
  add("text_projection", [text.width, embed], 78 / 1024);
  add("logit_scale", [], 0, 4.5);
  for (let i = 0; i < vision.layers; i++) block(`visual.transformer.resblocks.${i}`, vision.width, [96, 32, 64, 16]);
  add("visual.class_embedding", [vision.width], 0.5);
  add("visual.positional_embedding", [(imageSize / patch) ** 2 + 1, vision.width], 0.125);
  add("visual.conv1.weight", [vision.width, 3, patch, patch], 0.0625);
  norm("visual.ln_pre", vision.width);
  norm("visual.ln_post", vision.width);
  add("visual.proj", [vision.width, embed], 0.0625);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

import {
  addNoise,
  AREA,
  below,
  between,
  blend,
  clamp01,
  coordinate,
  drawColour,
  SIDE,
  type Canvas,
  type Uniform,
} from "./canvas.js";
import { blockNoise, smoothNoise } from "./upsample.js";

/** The seven families of backgrounds. No texture of the OOD set is one of them. */
export const backgroundFamilies = ["solid", "gradient", "blobs", "blocks", "stripes", "checks", "grain"] as const;
export type BackgroundFamily = (typeof backgroundFamilies)[number];

/** Draws a background with a little noise over it. */
export function drawBackground(random: Uniform, family?: BackgroundFamily): Canvas {
  const kind = family ?? backgroundFamilies[below(random, backgroundFamilies.length)]!;
  const from = drawColour(random);
  const to = drawColour(random);
  const angle = random.random() * 2 * Math.PI;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const frequency = between(random, 2, 12);
  const along = (x: number, y: number): number => coordinate(x) * cos + coordinate(y) * sin;
  const across = (x: number, y: number): number => coordinate(y) * cos - coordinate(x) * sin;
  const plane = (values: Float32Array) => (x: number, y: number) => values[y * SIDE + x]!;
  const weights: Record<BackgroundFamily, () => (x: number, y: number) => number> = {
    solid: () => () => 0,
    gradient: () => (x, y) => (along(x, y) + 1) / 2,
    blobs: () => plane(smoothNoise(random, 6)),
    blocks: () => plane(blockNoise(random, 5)),
    stripes: () => (x, y) => (Math.sin(along(x, y) * frequency) > 0 ? 1 : 0),
    checks: () => (x, y) => (Math.sin(along(x, y) * frequency) > 0 !== Math.sin(across(x, y) * frequency) > 0 ? 1 : 0),
    grain: () => plane(Float32Array.from({ length: AREA }, () => random.random())),
  };
  const canvas = blend(weights[kind](), from, to);
  if (kind === "blobs") {
    for (let c = 0; c < 3; c++) {
      const tint = smoothNoise(random, 5);
      for (let i = 0; i < AREA; i++) canvas[c * AREA + i] = 0.6 * clamp01(tint[i]!) + 0.4 * canvas[c * AREA + i]!;
    }
  }
  addNoise(canvas, 0.06 * random.random(), random);
  for (let i = 0; i < canvas.length; i++) canvas[i] = clamp01(canvas[i]!);
  return canvas;
}

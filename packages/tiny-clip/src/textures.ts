import { addNoise, below, between, blend, coordinate, drawColour, SIDE, type Canvas, type Uniform } from "./canvas.js";
import { smoothNoise } from "./upsample.js";

/**
 * The six families of textures. None of them ever serves as a background.
 *
 * @example
 * ```ts
 * import { drawTexture, textureFamilies } from "@locoop/tiny-clip";
 * console.log(textureFamilies.map((family) => drawTexture({ seed: 1, family }).data.length));
 * ```
 */
export const textureFamilies = ["rings", "waves", "bricks", "cells", "dots", "weave"] as const;
/** The name of one of the six families. */
export type TextureFamily = (typeof textureFamilies)[number];

/** A pattern as a function of a point in -1..1 (shifted) and of the pixel; -1 is the first colour, 1 the second. */
type Pattern = (x: number, y: number, pixel: number) => number;

function rings(random: Uniform, frequency: number): Pattern {
  const [shiftX, shiftY] = [smoothNoise(random, 6), smoothNoise(random, 6)];
  return (x, y, pixel) =>
    Math.sin(2 * frequency * Math.hypot(x + 0.4 * (shiftX[pixel]! - 0.5), y + 0.4 * (shiftY[pixel]! - 0.5)));
}

function waves(random: Uniform, frequency: number): Pattern {
  const bend = between(random, 3, 9);
  return (x, y) => Math.sin(frequency * (x + 0.3 * Math.sin(y * bend)));
}

function bricks(_random: Uniform, frequency: number): Pattern {
  return (x, y) => {
    const row = Math.floor((y * frequency) / 2);
    const offset = 0.5 * (row - 2 * Math.floor(row / 2)); // every other row starts half a brick later
    const bed = Math.sin(y * frequency * Math.PI) < -0.8;
    const head = Math.sin(((x * frequency) / 4 + offset) * 2 * Math.PI) < -0.95;
    return bed || head ? 1 : -1;
  };
}

function cells(random: Uniform): Pattern {
  const points = Array.from({ length: 14 }, () => [between(random, -1, 1), between(random, -1, 1)] as const);
  return (_x, _y, pixel) => {
    const [px, py] = [coordinate(pixel % SIDE), coordinate(Math.floor(pixel / SIDE))];
    let nearest = Infinity;
    let second = Infinity;
    for (const [x, y] of points) {
      const distance = Math.hypot(px - x, py - y);
      if (distance < nearest) [nearest, second] = [distance, nearest];
      else if (distance < second) second = distance;
    }
    return (second - nearest) * 6 - 1;
  };
}

function dots(random: Uniform, frequency: number): Pattern {
  const edge = between(random, 0.3, 0.7);
  return (x, y) => (Math.abs(Math.sin(x * frequency) * Math.sin(y * frequency)) > edge ? 1 : -1);
}

function weave(_random: Uniform, frequency: number): Pattern {
  return (x, y) => {
    const square = Math.floor((x * frequency) / 2) + Math.floor((y * frequency) / 2);
    return Math.sin((square % 2 === 0 ? x : y) * frequency * 3);
  };
}

const patterns: Record<TextureFamily, (random: Uniform, frequency: number) => Pattern> = {
  rings,
  waves,
  bricks,
  cells,
  dots,
  weave,
};

/** Draws a texture over the whole canvas, without object or clutter, with a little noise. */
export function paintTexture(random: Uniform, family?: TextureFamily): Canvas {
  const kind = family ?? textureFamilies[below(random, textureFamilies.length)]!;
  const from = drawColour(random);
  const to = drawColour(random);
  const left = between(random, -0.5, 0.5);
  const top = between(random, -0.5, 0.5);
  const pattern = patterns[kind](random, between(random, 6, 22));
  const weight = (column: number, row: number): number =>
    0.5 + 0.5 * pattern(coordinate(column) + left, coordinate(row) + top, row * SIDE + column);
  const canvas = blend(weight, from, to);
  addNoise(canvas, 0.05, random);
  return canvas;
}

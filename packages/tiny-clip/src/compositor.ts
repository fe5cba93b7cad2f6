import { AREA, below, between, SIDE, toPicture, type Canvas, type RgbPicture, type Uniform } from "./canvas.js";
import { drawBackground } from "./backgrounds.js";
import type { Sprite, SpriteBook } from "./sprite-book.js";

/** How hard the pictures are; the defaults are the benchmark's. */
export interface PictureOptions {
  /** The main object's side, as a share of the picture's. */
  readonly objectScale?: readonly [number, number];
  /** The most clutter objects in a picture; their number is uniform from 0. */
  readonly mostClutter?: number;
  /** A clutter object's side, as a share of the picture's. */
  readonly clutterScale?: readonly [number, number];
}

/**
 * The benchmark's difficulty: object 55-95 % of the side, at most 4 clutter objects of 16-38 %.
 *
 * @example
 * ```ts
 * import { pictureDefaults } from "@locoop/tiny-clip";
 * console.log(pictureDefaults.objectScale, pictureDefaults.mostClutter); // [ 0.55, 0.95 ] 4
 * ```
 */
export const pictureDefaults = {
  objectScale: [0.55, 0.95],
  mostClutter: 4,
  clutterScale: [0.16, 0.38],
} as const satisfies Required<PictureOptions>;

/** Where and how a sprite is laid: centre in -1..1, scale = its side / the picture's, angle in radians. */
export interface Placement {
  readonly centre: readonly [number, number];
  readonly scale: number;
  readonly angle: number;
  readonly flip: boolean;
  /** Factors of red, green, blue. */
  readonly gain: readonly [number, number, number];
}

/** Draws a placement; an object that must lie inside keeps its (unrotated) frame within the picture. */
export function drawPlacement(random: Uniform, scales: readonly [number, number], inside: boolean): Placement {
  const scale = between(random, scales[0], scales[1]);
  const room = inside ? Math.max(0.02, 1 - scale) : 0.95;
  return {
    centre: [between(random, -room, room), between(random, -room, room)],
    scale,
    angle: between(random, -0.3, 0.3),
    flip: random.random() < 0.5,
    gain: [between(random, 0.75, 1.25), between(random, 0.75, 1.25), between(random, 0.75, 1.25)],
  };
}

/** The sprite with its colours multiplied; a premultiplied colour never exceeds alpha. */
function tint({ pixels }: Sprite, gain: Placement["gain"]): Float32Array {
  const out = Float32Array.from(pixels);
  for (let at = 0; at < out.length; at += 4) {
    const alpha = out[at + 3]!;
    if (alpha === 0) continue;
    for (let c = 0; c < 3; c++) out[at + c] = Math.min(alpha, out[at + c]! * gain[c]!);
  }
  return out;
}

/** Lays a sprite over the canvas, in place; bilinear, transparent outside its frame. */
export function paste(canvas: Canvas, sprite: Sprite, { centre, scale, angle, flip, gain }: Placement): void {
  const { side } = sprite;
  const pixels = tint(sprite, gain);
  const cos = Math.cos(angle) / scale;
  const sin = Math.sin(angle) / scale;
  const texel = new Float64Array(4);
  for (let row = 0; row < SIDE; row++) {
    const y = (2 * row + 1) / SIDE - 1 - centre[1];
    for (let column = 0; column < SIDE; column++) {
      const x = (2 * column + 1) / SIDE - 1 - centre[0];
      const u = (cos * x + sin * y) * (flip ? -1 : 1);
      const v = cos * y - sin * x;
      const left = ((u + 1) * side - 1) / 2;
      const top = ((v + 1) * side - 1) / 2;
      if (left <= -1 || top <= -1 || left >= side || top >= side) continue;
      const x0 = Math.floor(left);
      const y0 = Math.floor(top);
      texel.fill(0);
      for (let corner = 0; corner < 4; corner++) {
        const cx = x0 + (corner & 1);
        const cy = y0 + (corner >> 1);
        if (cx < 0 || cy < 0 || cx >= side || cy >= side) continue;
        const weight = (1 - Math.abs(left - cx)) * (1 - Math.abs(top - cy));
        const at = (cy * side + cx) * 4;
        for (let c = 0; c < 4; c++) texel[c] = texel[c]! + weight * pixels[at + c]!;
      }
      const rest = 1 - texel[3]!;
      const pixel = row * SIDE + column;
      for (let c = 0; c < 3; c++) canvas[c * AREA + pixel] = canvas[c * AREA + pixel]! * rest + texel[c]!;
    }
  }
}

/** Draws a background, clutter over it and the object on top; every choice comes from `random`. */
export function composePicture(
  random: Uniform,
  sprites: Pick<SpriteBook, "object" | "clutter">,
  concept: string,
  options: PictureOptions = {},
): RgbPicture {
  const { objectScale, mostClutter, clutterScale } = { ...pictureDefaults, ...options };
  const canvas = drawBackground(random);
  for (let left = below(random, mostClutter + 1); left > 0; left--) {
    const sprite = sprites.clutter[below(random, sprites.clutter.length)]!;
    paste(canvas, sprite, drawPlacement(random, clutterScale, false));
  }
  const designs = sprites.object(concept);
  paste(canvas, designs[below(random, designs.length)]!, drawPlacement(random, objectScale, true));
  return toPicture(canvas);
}

import { pythonRandom } from "@locoop/datasets/order";
import { toPicture, type RgbPicture, type Uniform } from "./canvas.js";
import { composePicture, type PictureOptions } from "./compositor.js";
import type { SpriteBook } from "./sprite-book.js";
import { paintTexture, type TextureFamily } from "./textures.js";

/** 64 bits of a text (FNV-1a over its UTF-16 units). */
function hash(text: string): bigint {
  let value = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index++) {
    value = ((value ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return value;
}

/** A source of numbers for one picture alone, so that pictures can be drawn in any order. */
export function randomFor(seed: number, key: string): Uniform {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`expected a whole number from 0 as the seed, got ${seed}`);
  }
  return pythonRandom((BigInt(seed) << 64n) | hash(key));
}

/**
 * Draws one picture of a concept, [64, 64, 3]: a background, clutter, the object on top. The same seed and key give the
 * same bytes; throws if the concept is no main object.
 *
 * @example
 * ```ts
 * import { drawPicture, loadSprites } from "@locoop/tiny-clip";
 * const sprites = await loadSprites();
 * const { data } = drawPicture({ sprites, concept: "fox", seed: 1, key: "first" });
 * console.log(data.length); // 12288
 * ```
 */
export function drawPicture({
  sprites,
  concept,
  seed,
  key = "",
  ...options
}: PictureOptions & {
  readonly sprites: SpriteBook;
  readonly concept: string;
  readonly seed: number;
  /** Tells pictures of one seed apart. */
  readonly key?: string;
}): RgbPicture {
  return composePicture(randomFor(seed, key), sprites, concept, options);
}

/**
 * Draws one texture, [64, 64, 3], of a given or drawn family.
 *
 * @example
 * ```ts
 * import { drawTexture } from "@locoop/tiny-clip";
 * const { width, height } = drawTexture({ seed: 1, family: "bricks" });
 * console.log(width, height); // 64 64
 * ```
 */
export function drawTexture({
  seed,
  key = "",
  family,
}: {
  readonly seed: number;
  readonly key?: string;
  readonly family?: TextureFamily;
}): RgbPicture {
  return toPicture(paintTexture(randomFor(seed, key), family));
}

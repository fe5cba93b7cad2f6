import path from "node:path";
import sharp from "sharp";
import { readConcepts, tinyClipPaths } from "./assets.js";
import { createSpriteBook, type SpriteBook, type SpriteSheet } from "./sprite-book.js";

export type { Sprite, SpriteBook } from "./sprite-book.js";

async function readSheet(file: string): Promise<SpriteSheet> {
  const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { name: file, data, width: info.width, height: info.height };
}

/**
 * Reads the sprite sheets: 342 main objects of 72 px and 461 clutter objects of 36 px, two designs each.
 *
 * @example
 * ```ts
 * import { loadSprites } from "@locoop/tiny-clip";
 * const sprites = await loadSprites();
 * console.log(sprites.object("fox").length, sprites.clutter.length); // 2 922
 * ```
 */
export async function loadSprites(): Promise<SpriteBook> {
  const concepts = await readConcepts();
  const folder = tinyClipPaths().sprites;
  const read = (kind: string): Promise<SpriteSheet[]> =>
    Promise.all(concepts.sheets.designs.map((design) => readSheet(path.join(folder, `${kind}-${design}.webp`))));
  const [objects, clutter] = await Promise.all([read("objects"), read("clutter")]);
  return createSpriteBook({ concepts, objects, clutter });
}

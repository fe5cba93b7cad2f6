import path from "node:path";
import sharp from "sharp";
import { readConcepts, tinyClipPaths, type Concepts } from "./assets.js";

/** One drawing of a concept: floats in 0..1, colours premultiplied by alpha, [side, side, 4]. */
export interface Sprite {
  readonly pixels: Float32Array;
  readonly side: number;
}

/** All drawings that the benchmark is made of. */
export interface SpriteBook {
  readonly concepts: Concepts;
  /** The drawings of a main object, one per design; throws if the concept is not one. */
  object(concept: string): readonly Sprite[];
  /** Every drawing that may serve as clutter, at half the size. */
  readonly clutter: readonly Sprite[];
}

async function readSheet(file: string, columns: number, side: number, count: number): Promise<Sprite[]> {
  const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  if (info.width !== columns * side || info.height < Math.ceil(count / columns) * side) {
    throw new Error(
      `${file}: expected at least ${count} sprites of ${side} px in ${columns} columns, got a sheet of ${info.width} x ${info.height} px; reinstall @locoop/tiny-clip`,
    );
  }
  return Array.from({ length: count }, (_, index) => {
    const pixels = new Float32Array(side * side * 4);
    const top = Math.floor(index / columns) * side;
    const left = (index % columns) * side;
    for (let pixel = 0; pixel < side * side; pixel++) {
      const from = ((top + Math.floor(pixel / side)) * info.width + left + (pixel % side)) * 4;
      const alpha = data[from + 3]! / 255;
      for (let c = 0; c < 3; c++) pixels[pixel * 4 + c] = (data[from + c]! / 255) * alpha;
      pixels[pixel * 4 + 3] = alpha;
    }
    return { pixels, side };
  });
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
  const { designs, columns, objectSide, clutterSide } = concepts.sheets;
  const names = [...concepts.id, ...concepts.nearOod, ...Object.values(concepts.ood).flat()];
  const folder = tinyClipPaths().sprites;
  const read = (kind: string, side: number, count: number): Promise<Sprite[][]> =>
    Promise.all(designs.map((design) => readSheet(path.join(folder, `${kind}-${design}.webp`), columns, side, count)));
  const [objects, clutter] = await Promise.all([
    read("objects", objectSide, names.length),
    read("clutter", clutterSide, concepts.clutter.length),
  ]);
  const drawings = new Map(names.map((name, index) => [name, objects.map((sheet) => sheet[index]!)]));
  return {
    concepts,
    clutter: clutter.flat(),
    object(concept) {
      const found = drawings.get(concept);
      if (!found) {
        throw new Error(
          `no main object is called "${concept}": expected a name of readConcepts() under id, nearOod or ood`,
        );
      }
      return found;
    },
  };
}

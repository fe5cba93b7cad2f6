import type { Concepts } from "./assets.js";

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

/** A decoded sprite sheet: bytes [height, width, 4], colours as they are, not multiplied by alpha. */
export interface SpriteSheet {
  /** What errors call it. */
  readonly name: string;
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/**
 * Makes the book of all drawings from decoded sheets, one of objects and one of clutter for each design: what `loadSprites` does in Node, for a
 * browser that has fetched the package's assets. Throws if a sheet is too small for its concepts.
 *
 * @example
 * ```ts
 * import { createSpriteBook } from "@locoop/tiny-clip/draw";
 *
 * const sheets = { designs: ["flat"], columns: 1, objectSide: 2, clutterSide: 1 };
 * const concepts = { sheets, id: ["fox"], nearOod: [], ood: {}, neverNamed: [], clutter: ["star"] };
 * const objects = [{ name: "objects", data: new Uint8Array(16), width: 2, height: 2 }];
 * const clutter = [{ name: "clutter", data: new Uint8Array(4), width: 1, height: 1 }];
 * console.log(createSpriteBook({ concepts, objects, clutter }).object("fox").length); // → 1
 * ```
 */
export function createSpriteBook({
  concepts,
  objects,
  clutter,
}: {
  readonly concepts: Concepts;
  readonly objects: readonly SpriteSheet[];
  readonly clutter: readonly SpriteSheet[];
}): SpriteBook {
  const { columns, objectSide, clutterSide } = concepts.sheets;
  const names = [...concepts.id, ...concepts.nearOod, ...Object.values(concepts.ood).flat()];
  const cutAll = (sheets: readonly SpriteSheet[], side: number, count: number): Sprite[][] =>
    sheets.map((sheet) => cut(sheet, { columns, side, count }));
  const drawn = cutAll(objects, objectSide, names.length);
  const drawings = new Map(names.map((name, index) => [name, drawn.map((sheet) => sheet[index]!)]));
  return {
    concepts,
    clutter: cutAll(clutter, clutterSide, concepts.clutter.length).flat(),
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

function cut(
  { name, data, width, height }: SpriteSheet,
  { columns, side, count }: { columns: number; side: number; count: number },
): Sprite[] {
  if (width !== columns * side || height < Math.ceil(count / columns) * side) {
    throw new Error(
      `${name}: expected at least ${count} sprites of ${side} px in ${columns} columns, got a sheet of ${width} x ${height} px; reinstall @locoop/tiny-clip`,
    );
  }
  return Array.from({ length: count }, (_, index) => {
    const pixels = new Float32Array(side * side * 4);
    const top = Math.floor(index / columns) * side;
    const left = (index % columns) * side;
    for (let pixel = 0; pixel < side * side; pixel++) {
      const from = ((top + Math.floor(pixel / side)) * width + left + (pixel % side)) * 4;
      const alpha = data[from + 3]! / 255;
      for (let c = 0; c < 3; c++) pixels[pixel * 4 + c] = (data[from + c]! / 255) * alpha;
      pixels[pixel * 4 + 3] = alpha;
    }
    return { pixels, side };
  });
}

import type { PictureCrop } from "./types.js";

/** A picture's size, where the model looked, and into how many regions a side it divided that. */
export interface RegionPlace {
  /** Of the whole picture, in pixels. */
  readonly width: number;
  readonly height: number;
  /** What `cropFor` of `@locoop/clip` gives for the picture and the model. */
  readonly crop: PictureCrop;
  /** Regions per side: what `regionGrid` of `@locoop/clip` gives for the model. */
  readonly grid: number;
}

/** Part of a picture. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where the regions lie on the whole picture, in its pixels, which need not be whole numbers. */
export interface RegionEdges {
  /** What the model saw. */
  readonly seen: Rectangle;
  /** Left edges of the columns and the right edge of the last, [grid + 1]. */
  readonly columns: readonly number[];
  /** Upper edges of the rows and the lower edge of the last, [grid + 1]. */
  readonly rows: readonly number[];
}

/**
 * Traces the model's regions back to the whole picture, through crop and resize.
 *
 * The model resized the short side and cut out the centre, so an edge at `m` of its pixels lies at `(left + m) * width /
 * resizedWidth` of the picture's. A pixel belongs to the region that its centre falls into.
 *
 * @throws RangeError if sizes or grid are not positive
 * @example
 * ```ts
 * import { cropFor } from "@locoop/clip";
 * import { regionEdges } from "locoop";
 *
 * const { columns } = regionEdges({ width: 8, height: 4, crop: cropFor(8, 4, 224), grid: 2 });
 * console.log(columns.join(" ")); // → 2 4 6
 * ```
 */
export function regionEdges({ width, height, crop, grid }: RegionPlace): RegionEdges {
  if (!(width > 0 && height > 0))
    throw new RangeError(
      `regionEdges: a picture cannot be ${width} x ${height} pixels; pass the size of the whole picture`,
    );
  if (!Number.isInteger(grid) || grid < 1)
    throw new RangeError(
      `regionEdges: expected a whole number of regions per side, got ${grid}; take it from regionGrid`,
    );
  if (!(crop.resizedWidth > 0 && crop.resizedHeight > 0))
    throw new RangeError(
      `regionEdges: the crop's resized picture is ${crop.resizedWidth} x ${crop.resizedHeight}, but must not be empty; take it from cropFor`,
    );
  const side = Math.min(crop.resizedWidth, crop.resizedHeight); // the short side is resized to the model's picture
  const along = (offset: number, pixels: number, resized: number): number[] =>
    Array.from({ length: grid + 1 }, (_, i) => ((offset + (i * side) / grid) * pixels) / resized);
  const columns = along(crop.left, width, crop.resizedWidth);
  const rows = along(crop.top, height, crop.resizedHeight);
  const [left, top] = [columns[0]!, rows[0]!];
  return { seen: { left, top, width: columns[grid]! - left, height: rows[grid]! - top }, columns, rows };
}

/**
 * The part of a picture worth showing: all of it, or of a picture more than four times as long as wide the middle, twice as long as
 * wide, where the model looked; whole pixels.
 *
 * @example
 * ```ts
 * import { shownPart } from "locoop";
 * const { left, width } = shownPart({ width: 1000, height: 10 });
 * console.log(left, width); // → 490 20
 * ```
 */
export function shownPart({ width, height }: { width: number; height: number }): Rectangle {
  const short = Math.min(width, height);
  const along = (side: number): [number, number] =>
    side <= short * 4 ? [0, side] : [Math.floor(side / 2 - short), short * 2];
  const [left, shownWidth] = along(width);
  const [top, shownHeight] = along(height);
  return { left, top, width: shownWidth, height: shownHeight };
}

/** Enlarged so much, a picture's pixels are shown as squares, all of one size. */
export const wholeFrom = 4;

/**
 * The size in which a part of a picture is drawn: its long side is `size`, or of a small picture, enlarged by a whole factor, a
 * little less.
 */
export function drawnSize(part: Rectangle, size: number): { width: number; height: number } {
  const factor = size / Math.max(part.width, part.height);
  const scale = factor >= wholeFrom ? Math.floor(factor) : factor;
  return { width: Math.max(1, Math.round(part.width * scale)), height: Math.max(1, Math.round(part.height * scale)) };
}

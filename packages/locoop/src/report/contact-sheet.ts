import type { RgbImage } from "@locoop/clip";
import type { Rgb } from "./overlay.js";

/**
 * Several pictures on one sheet, row by row, each centred in a cell as large as the largest.
 *
 * @throws if there is no picture.
 *
 * @example
 * ```ts
 * import { contactSheet } from "locoop/node";
 * const picture = { data: new Uint8Array(4 * 4 * 3), width: 4, height: 4 };
 * console.log(contactSheet([picture, picture, picture], { columns: 3, padding: 1 }).width); // → 16
 * ```
 */
export function contactSheet(
  pictures: readonly RgbImage[],
  {
    columns = Math.ceil(Math.sqrt(pictures.length)),
    padding = 8,
    background = [255, 255, 255],
  }: { columns?: number; padding?: number; background?: Rgb } = {},
): RgbImage {
  if (pictures.length === 0) throw new Error("A contact sheet needs at least one picture, but got none.");
  if (!Number.isInteger(columns) || columns < 1) {
    throw new Error(`A contact sheet needs a whole number of columns, at least 1, but got ${columns}.`);
  }
  const across = Math.min(columns, pictures.length);
  const cellWidth = Math.max(...pictures.map((picture) => picture.width));
  const cellHeight = Math.max(...pictures.map((picture) => picture.height));
  const width = across * cellWidth + (across + 1) * padding;
  const height = Math.ceil(pictures.length / across) * (cellHeight + padding) + padding;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = background[i % 3]!;
  for (const [i, picture] of pictures.entries()) {
    const left = padding + (i % across) * (cellWidth + padding) + Math.floor((cellWidth - picture.width) / 2);
    const top =
      padding + Math.floor(i / across) * (cellHeight + padding) + Math.floor((cellHeight - picture.height) / 2);
    for (let y = 0; y < picture.height; y++) {
      const row = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3);
      data.set(row, ((top + y) * width + left) * 3);
    }
  }
  return { data, width, height };
}

import type { RgbImage } from "../image.js";
import { decodeGif } from "../pictures/gif.js";
import { ImageError } from "../pictures/image-error.js";
import {
  checkLimit,
  checkPixels,
  explainRefusal,
  oneLine,
  pictureKind,
  pillowLimit,
  type PictureKind,
} from "../pictures/kinds.js";
import { plainAvif, plainJpeg, plainWebp } from "../pictures/plain-picture.js";
import { decodePng } from "../pictures/png.js";
import { readOpaque, readUnderAlpha } from "./read-pixels.js";
import type { BlobLike } from "../weights/byte-source.js";

/**
 * Decodes a picture in a browser: the `RgbImage` that `readImage` gives in Node. PNG and GIF are decoded by this package, to
 * Pillow's bytes; JPEG, WebP and AVIF by the browser, without their EXIF orientation, colour profile and alpha. The size is read
 * from the file first: nothing of more than `maxPixels` pixels (Pillow's limit) is decoded. Throws `ImageError` for what is no
 * such picture; TIFF is one that browsers do not read. The guide "Pictures" has the differences. Works in pages and workers.
 *
 * @example
 * ```ts
 * import { preprocess } from "@locoop/clip";
 * import { decodeImage, ImageError } from "@locoop/clip/browser";
 *
 * const file = new Blob(["GIF89a"]); // or what a file input, a drop or fetch gives
 * try {
 *   const pixels = preprocess(await decodeImage(file, { maxPixels: 50_000_000 }), 224);
 *   console.log(pixels.length);
 * } catch (error) {
 *   if (error instanceof ImageError) console.log(error.reason); // → the file is damaged or cut short (cut short before the first picture)
 * }
 * ```
 */
export async function decodeImage(
  source: BlobLike,
  { maxPixels = pillowLimit }: { maxPixels?: number } = {},
): Promise<RgbImage> {
  checkLimit(maxPixels);
  const path = source.name || "bytes";
  let kind: PictureKind;
  try {
    kind = pictureKind(new Uint8Array(await source.slice(0, 12).arrayBuffer()));
  } catch (error) {
    throw new ImageError(path, oneLine(error), { cause: error });
  }
  if (kind === "TIFF") throw new ImageError(path, "TIFF is not read in browsers; convert it to PNG");
  if (kind !== "GIF" && kind !== "PNG" && typeof createImageBitmap === "undefined") {
    throw new Error(`there is no createImageBitmap to decode a ${kind}; in Node use readImage of @locoop/clip/node`);
  }
  const bytes = new Uint8Array(await source.slice(0, source.size).arrayBuffer());
  try {
    if (kind === "GIF") return decodeGif(bytes, { maxPixels });
    if (kind === "PNG") return await decodePng(bytes, { maxPixels });
    return await decodeByBrowser(bytes, { kind, maxPixels });
  } catch (error) {
    throw new ImageError(path, explainRefusal(error, maxPixels), { cause: error });
  }
}

const plain = { JPEG: plainJpeg, WebP: plainWebp, AVIF: plainAvif };

async function decodeByBrowser(
  file: Uint8Array,
  { kind, maxPixels }: { kind: keyof typeof plain; maxPixels: number },
): Promise<RgbImage> {
  const { width, height, bytes, hasAlpha = false } = plain[kind](file);
  checkPixels(width, height, maxPixels);
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: `image/${kind.toLowerCase()}` });
  const bitmap = await createImageBitmap(blob, {
    imageOrientation: "none",
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  try {
    if (bitmap.width !== width || bitmap.height !== height) {
      throw new Error(`decoded to ${bitmap.width} x ${bitmap.height} pixels, the file says ${width} x ${height}`);
    }
    return { data: hasAlpha ? readUnderAlpha(bitmap) : readOpaque(bitmap), width, height };
  } finally {
    bitmap.close();
  }
}

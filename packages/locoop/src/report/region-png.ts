import type { RgbImage } from "@locoop/clip";
import sharp from "sharp";
import type { RegionDrawing } from "./region-drawing.js";
import { wholeFrom } from "./region-geometry.js";
import { toSvg } from "./region-svg.js";

/** A picture's shown part in the size in which it is drawn, as a data: URI for `toSvg`; `compact`: a photograph as JPEG. */
export async function pictureHref(
  image: RgbImage,
  { part, picture }: RegionDrawing,
  { compact = false }: { compact?: boolean } = {},
): Promise<{ href: string; pixelated: boolean }> {
  const { data, width, height } = image;
  const pixelated = picture.width >= wholeFrom * part.width;
  const drawn = sharp(data, { raw: { width, height, channels: 3 } })
    .extract(part)
    .resize({ ...picture, fit: "fill", kernel: pixelated ? "nearest" : "lanczos3" });
  const type = compact && !pixelated ? "jpeg" : "png";
  const bytes = await (type === "jpeg" ? drawn.jpeg({ quality: 90 }) : drawn.png({ compressionLevel: 6 })).toBuffer();
  return { href: `data:image/${type};base64,${bytes.toString("base64")}`, pixelated };
}

/**
 * The bytes of a PNG file of a drawing over a picture, [H,W,3] of the drawing's size.
 *
 * @example
 * ```ts
 * import { cropFor } from "@locoop/clip";
 * import { drawRegionPicture } from "locoop";
 * import { renderRegionPng } from "locoop/node";
 *
 * const image = { data: new Uint8Array(8 * 4 * 3).fill(100), width: 8, height: 4 };
 * const drawing = drawRegionPicture({ ...image, crop: cropFor(8, 4, 224), grid: 2, mask: [0, 1, 0, 0] }, { size: 80 });
 * console.log((await renderRegionPng(drawing, image)).toString("latin1", 1, 4)); // → PNG
 * ```
 */
export async function renderRegionPng(drawing: RegionDrawing, image: RgbImage): Promise<Buffer> {
  const svg = toSvg(drawing, await pictureHref(image, drawing));
  return sharp(Buffer.from(svg), { unlimited: true })
    .flatten({ background: "#ffffff" })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

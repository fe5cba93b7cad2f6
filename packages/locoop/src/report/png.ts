import type { RgbImage } from "@locoop/clip";
import sharp from "sharp";

const raw = ({ data, width, height }: RgbImage) => sharp(data, { raw: { width, height, channels: 3 } });

/**
 * The bytes of a PNG file of a picture.
 *
 * @example
 * ```ts
 * import { encodePng } from "locoop/node";
 * const bytes = await encodePng({ data: new Uint8Array(3), width: 1, height: 1 });
 * console.log(bytes.toString("latin1", 1, 4)); // → PNG
 * ```
 */
export async function encodePng(picture: RgbImage): Promise<Buffer> {
  return raw(picture).png({ compressionLevel: 9 }).toBuffer();
}

/**
 * A picture scaled for showing: shrunk to at most `longest` pixels, or enlarged by a whole factor while it still fits,
 * so that the regions of a 64-pixel picture can be seen. (Not the model's preprocessing: that is @locoop/clip's.)
 *
 * @example
 * ```ts
 * import { fitPicture } from "locoop/node";
 * const { width, height } = await fitPicture({ data: new Uint8Array(64 * 64 * 3), width: 64, height: 64 });
 * console.log(width, height); // → 320 320
 * ```
 */
export async function fitPicture(picture: RgbImage, { longest = 320 }: { longest?: number } = {}): Promise<RgbImage> {
  const factor = longest / Math.max(picture.width, picture.height);
  const scale = factor >= 1 ? Math.floor(factor) : factor;
  if (scale === 1) return picture;
  const { data, info } = await raw(picture)
    .resize({
      width: Math.max(1, Math.round(picture.width * scale)),
      height: Math.max(1, Math.round(picture.height * scale)),
      fit: "fill",
      kernel: scale > 1 ? "nearest" : "lanczos3",
    })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width: info.width, height: info.height };
}

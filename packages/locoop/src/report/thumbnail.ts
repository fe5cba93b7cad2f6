import type { RgbImage } from "@locoop/clip";
import sharp from "sharp";
import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { drawRegions } from "./overlay.js";
import { fitPicture } from "./png.js";
import type { ShownPicture } from "./types.js";

// Pixels along the longer side of a small picture; WebP keeps one at a few kilobytes.
const LONGEST = 192;

/** A small picture for a page, with its regions painted where they are known. */
export async function thumbnail({ image, mask, grid, crop, ...rest }: ShownPicture, alt: string): Promise<Markup> {
  const small: RgbImage = await fitPicture(image, { longest: LONGEST });
  const drawn = mask && grid && crop ? drawRegions({ ...rest, image: small, mask, grid, crop }) : small;
  const { data, width, height } = drawn;
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .webp({ quality: 82 })
    .toBuffer();
  return html`<img
    src="data:image/webp;base64,${bytes.toString("base64")}"
    alt="${alt}"
    width="${width}"
    height="${height}"
  />`;
}

import { readFile } from "node:fs/promises";
import type { RgbImage } from "../image.js";
import { ImageError } from "./image-error.js";

// Only the formats whose files begin like this reach a decoder: not SVG, PDF or what else a libvips may have been built with.
const signatures: readonly (readonly [format: string, bytes: RegExp])[] = [
  ["JPEG", /^\xff\xd8\xff/],
  ["PNG", /^\x89PNG\r\n\x1a\n/],
  ["GIF", /^GIF8[79]a/],
  ["WebP", /^RIFF....WEBP/s],
  ["TIFF", /^(II\*\0|MM\0\*)/],
  ["AVIF", /^....ftyp(avif|avis)/s],
];

/** Pillow refuses pictures of more pixels than this as decompression bombs. */
const pillowLimit = 178_956_970;

/**
 * Decodes a picture file (or its bytes) to RGB, to the same bytes as Pillow's `Image.open(path).convert("RGB")`: alpha dropped,
 * palette expanded, CMYK by Pillow's formula, colour profiles and the EXIF orientation ignored, the first picture of a GIF.
 * 16-bit grey is scaled to 8 bits, where Pillow cuts it off. Needs the package `sharp`. Throws `ImageError` for whatever is no
 * whole JPEG, PNG, GIF, WebP, TIFF or AVIF of at most `maxPixels` pixels: Pillow's limit by default, three bytes of memory each;
 * lower it for files you do not trust.
 *
 * @example
 * ```ts
 * import { ImageError, readImage } from "@locoop/clip/node";
 *
 * try {
 *   const { width, height } = await readImage("missing.jpg", { maxPixels: 50_000_000 });
 *   console.log(width, height);
 * } catch (error) {
 *   if (error instanceof ImageError) console.log(error.reason); // → there is no such file
 * }
 * ```
 */
export async function readImage(
  source: string | Uint8Array,
  { maxPixels = pillowLimit }: { maxPixels?: number } = {},
): Promise<RgbImage> {
  const path = typeof source === "string" ? source : "bytes";
  const bytes = typeof source === "string" ? await readBytes(source) : source;
  if (bytes.length === 0) throw new ImageError(path, "the file is empty");
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (!signatures.some(([, signature]) => signature.test(start))) {
    throw new ImageError(path, `not a picture; expected ${signatures.map(([format]) => format).join(", ")}`);
  }
  const sharp = await loadSharp();
  try {
    const open = () => sharp(bytes, { limitInputPixels: maxPixels, failOn: "warning", ignoreIcc: true, pages: 1 });
    const { space } = await open().metadata();
    if (space === "cmyk") {
      const { data, info } = await open()
        .pipelineColourspace("cmyk")
        .toColourspace("cmyk")
        .raw()
        .toBuffer({ resolveWithObject: true });
      return { data: fromCmyk(data, info.channels), width: info.width, height: info.height };
    }
    const { data, info } = await open().removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels, expected 3`);
    return { data, width: info.width, height: info.height };
  } catch (error) {
    throw new ImageError(path, explain(error, maxPixels), { cause: error });
  }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reasons: Record<string, string> = {
      ENOENT: "there is no such file",
      EISDIR: "this is a folder, expected a picture",
    };
    throw new ImageError(path, reasons[code ?? ""] ?? oneLine(error), { cause: error });
  }
}

async function loadSharp(): Promise<typeof import("sharp").default> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw new Error('reading pictures needs the package "sharp", which does not load: npm install sharp', {
      cause: error,
    });
  }
}

function explain(error: unknown, maxPixels: number): string {
  const message = oneLine(error);
  if (/pixel limit|dimensions? (exceed|limit)|too large/i.test(message)) {
    return `the picture has more than ${maxPixels} pixels; raise maxPixels if it is to be trusted`;
  }
  return `the file is damaged or cut short (${message})`;
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").trim();
}

/** Pillow's CMYK to RGB: 255 - K - C (255 - K) / 255, rounded as its `MULDIV255` does, not below 0. */
function fromCmyk(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const light = 255 - (data[i * channels + 3] as number);
    for (let channel = 0; channel < 3; channel++) {
      const product = (data[i * channels + channel] as number) * light + 128;
      rgb[i * 3 + channel] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return rgb;
}

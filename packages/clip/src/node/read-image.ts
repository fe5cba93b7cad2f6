import { open, stat } from "node:fs/promises";
import type { RgbImage } from "../image.js";
import { decodeGif } from "../pictures/gif.js";
import { ImageError } from "../pictures/image-error.js";
import {
  checkLimit,
  explainRefusal,
  maxChannels,
  oneLine,
  pictureKind,
  pillowLimit,
  type PictureKind,
} from "../pictures/kinds.js";

// What sharp calls the format of each kind: a libvips with more loaders must not take a file for something else.
const formats: Partial<Record<PictureKind, string>> = {
  JPEG: "jpeg",
  PNG: "png",
  WebP: "webp",
  TIFF: "tiff",
  AVIF: "heif",
};

/**
 * Decodes a picture file (or its bytes) to RGB, to the same bytes as Pillow's `Image.open(path).convert("RGB")`: alpha dropped,
 * palette expanded, CMYK by Pillow's formula, colour profiles and the EXIF orientation ignored, the first picture of several.
 * 16-bit grey is scaled to 8 bits, where Pillow cuts it off. Needs the package `sharp`. Throws `ImageError` for whatever is no
 * whole JPEG, PNG, GIF, WebP, TIFF or AVIF of at most `maxPixels` pixels: Pillow's limit by default, three bytes of memory each
 * (4 to 16 while they are decoded); lower it for files you do not trust. The guide "Pictures" has the kinds and limits.
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
  checkLimit(maxPixels);
  const path = typeof source === "string" ? source : "bytes";
  const bytes = typeof source === "string" ? await readPictureFile(source) : source;
  const kind = kindOf(path, bytes);
  const sharp = kind === "GIF" ? undefined : await loadSharp();
  try {
    return sharp === undefined ? decodeGif(bytes, { maxPixels }) : await decode(sharp, { bytes, kind, maxPixels });
  } catch (error) {
    throw new ImageError(path, explainRefusal(error, maxPixels), { cause: error });
  }
}

async function decode(
  sharp: Sharp,
  { bytes, kind, maxPixels }: { bytes: Uint8Array; kind: PictureKind; maxPixels: number },
): Promise<RgbImage> {
  const open = () =>
    sharp(bytes, {
      limitInputPixels: maxPixels,
      limitInputChannels: maxChannels,
      unlimited: false,
      failOn: "warning",
      ignoreIcc: true,
      pages: 1,
    });
  const { format, space, depth } = await open().metadata();
  if (format !== formats[kind]) throw new Error(`begins like ${kind} and is ${format}`);
  if (depth === "float" || depth === "double" || depth === "complex" || depth === "dpcomplex") {
    throw new Error(`samples are ${depth}, expected 8 or 16 bits`);
  }
  // Pillow turns TIFFs, and only those, as their orientation says.
  const turned = () => (kind === "TIFF" ? open().autoOrient() : open());
  if (space === "cmyk") {
    const { data, info } = await turned()
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { data: fromCmyk(data, info.channels), width: info.width, height: info.height };
  }
  const { data, info } = await turned().removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels, expected 3`);
  return { data, width: info.width, height: info.height };
}

/** The bytes of a file that begins like a picture; of another file only the beginning is read. */
async function readPictureFile(path: string): Promise<Uint8Array> {
  try {
    // A pipe would wait, and a device has no end.
    const found = await stat(path);
    if (found.isDirectory()) throw new ImageError(path, "this is a folder, expected a picture");
    if (!found.isFile()) throw new ImageError(path, "this is a pipe or a device, expected a picture file");
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(12), 0, 12, 0);
      kindOf(path, buffer.subarray(0, bytesRead));
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ImageError(path, code === "ENOENT" ? "there is no such file" : oneLine(error), { cause: error });
  }
}

function kindOf(path: string, bytes: Uint8Array): PictureKind {
  try {
    return pictureKind(bytes);
  } catch (error) {
    // A refusal of ours, said in full: as a cause it would only be said twice.
    throw new ImageError(path, oneLine(error));
  }
}

type Sharp = typeof import("sharp").default;

async function loadSharp(): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw new Error('reading pictures needs the package "sharp", which does not load: npm install sharp', {
      cause: error,
    });
  }
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

import { cropFor, preprocess, type Clip, type ImageFeatures, type RgbImage } from "@locoop/clip";
import { decodeImage, ImageError } from "@locoop/clip/browser";
import type { PictureInfo } from "../messages.js";

/** Decodes a file that a user gave; the error is a sentence for them. */
export async function decode(file: Blob, name: string): Promise<RgbImage> {
  try {
    return await decodeImage(file);
  } catch (error) {
    if (error instanceof ImageError) throw new Error(`${name} is left out: ${error.reason}`, { cause: error });
    throw error;
  }
}

/** Decodes and encodes one picture, with local features. */
export async function encodePicture(
  clip: Clip,
  { file, name }: { file: Blob; name: string },
): Promise<{ features: ImageFeatures; info: PictureInfo }> {
  const image = await decode(file, name);
  const size = clip.config.imageSize;
  const begin = performance.now();
  const features = await clip.image.encode({ data: preprocess(image, size), batch: 1 }, { local: true });
  const milliseconds = performance.now() - begin;
  const { width, height } = image;
  const { scale, left, top } = cropFor(width, height, size);
  return {
    features,
    info: { width, height, milliseconds, square: { left: left / scale, top: top / scale, side: size / scale } },
  };
}

/** Joins features of consecutive parts. */
export function stack(list: readonly ImageFeatures[]): ImageFeatures {
  const join = (parts: readonly { data: Float32Array; shape: readonly number[] }[]) => {
    const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
    let at = 0;
    for (const part of parts) {
      data.set(part.data, at);
      at += part.data.length;
    }
    const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
    return { data, shape: [rows, ...parts[0]!.shape.slice(1)] };
  };
  return { global: join(list.map(({ global }) => global)), local: join(list.map(({ local }) => local!)) };
}

/** Rows of features by index, copied. */
export function takeRows({ global, local }: ImageFeatures, rows: readonly number[]): ImageFeatures {
  const take = ({ data, shape }: ImageFeatures["global"]): ImageFeatures["global"] => {
    const stride = data.length / shape[0]!;
    const out = new Float32Array(rows.length * stride);
    rows.forEach((row, i) => out.set(data.subarray(row * stride, (row + 1) * stride), i * stride));
    return { data: out, shape: [rows.length, ...shape.slice(1)] };
  };
  return { global: take(global), local: local && take(local) };
}

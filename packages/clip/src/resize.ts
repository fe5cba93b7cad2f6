import { checkImage, checkSize, roundHalfEven } from "./image.js";
import type { RgbImage } from "./image.js";
import { resample } from "./resample.js";

/** How a picture meets the model's square input: resized by `scale`, then cut at `left`, `top` of the resized picture. */
export interface Crop {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
  readonly resizedWidth: number;
  readonly resizedHeight: number;
}

/**
 * Resizes a picture to `width` x `height` pixels, bicubic and antialiased, to the very bytes of Pillow's `Image.resize`.
 * Throws when `data` does not fit the size. Source: Pillow 13 `Resample.c`.
 *
 * @example
 * ```ts
 * import { resizeBicubic } from "@locoop/clip";
 *
 * const small = resizeBicubic({ data: new Uint8Array(64 * 48 * 3), width: 64, height: 48 }, { width: 32, height: 24 });
 * console.log(small.data.length); // → 2304
 * ```
 */
export function resizeBicubic(image: RgbImage, { width, height }: { width: number; height: number }): RgbImage {
  checkImage(image);
  checkSize(width, height);
  const source = { left: 0, top: 0, width: image.width, height: image.height };
  return { data: resample(image, source, { width, height }, { left: 0, top: 0, width, height }), width, height };
}

/**
 * Resizes a picture so that its short side has `size` pixels; the long side is rounded down, as torchvision's `Resize` does.
 *
 * @example
 * ```ts
 * import { resizeShortSide } from "@locoop/clip";
 *
 * const { width, height } = resizeShortSide({ data: new Uint8Array(320 * 213 * 3), width: 320, height: 213 }, 224);
 * console.log(width, height); // → 336 224
 * ```
 */
export function resizeShortSide(image: RgbImage, size: number): RgbImage {
  const { resizedWidth: width, resizedHeight: height } = cropFor(image.width, image.height, size);
  return resizeBicubic(image, { width, height });
}

/**
 * Cuts the middle `size` x `size` pixels of a picture at `round((side - size) / 2)`, halves to even, as torchvision's
 * `CenterCrop` does. Throws when the picture is smaller.
 *
 * @example
 * ```ts
 * import { centerCrop } from "@locoop/clip";
 *
 * const square = centerCrop({ data: new Uint8Array(5 * 4 * 3), width: 5, height: 4 }, 2);
 * console.log(square.data.length); // → 12
 * ```
 */
export function centerCrop(image: RgbImage, size: number): RgbImage {
  checkImage(image);
  checkSize(size, size);
  const { width, height } = image;
  if (width < size || height < size) {
    throw new Error(`cannot cut ${size} x ${size} pixels out of ${width} x ${height}; resize the picture first`);
  }
  const window = { left: middle(width, size), top: middle(height, size), width: size, height: size };
  return { data: resample(image, { left: 0, top: 0, width, height }, image, window), width: size, height: size };
}

/**
 * CLIP's preparation of a picture for testing: short side to `size`, middle square; bytes [S,S,3]. Towers normalise inside.
 * Equal to Pillow and torchvision bit for bit. Source: openai/CLIP `clip/clip.py` `_transform`.
 *
 * @example
 * ```ts
 * import { preprocess } from "@locoop/clip";
 *
 * const pixels = preprocess({ data: new Uint8Array(320 * 213 * 3), width: 320, height: 213 }, 224);
 * console.log(pixels.length); // → 150528
 * ```
 */
export function preprocess(image: RgbImage, size: number): Uint8Array<ArrayBuffer> {
  checkImage(image);
  const { left, top, resizedWidth, resizedHeight } = cropFor(image.width, image.height, size);
  const source = { left: 0, top: 0, width: image.width, height: image.height };
  const window = { left, top, width: size, height: size };
  return resample(image, source, { width: resizedWidth, height: resizedHeight }, window);
}

/**
 * Where `preprocess` cuts a picture of `width` x `height`: what an overlay of regions needs to lie on the picture itself.
 *
 * @example
 * ```ts
 * import { cropFor } from "@locoop/clip";
 *
 * console.log(cropFor(320, 213, 224).left); // → 56
 * ```
 */
export function cropFor(width: number, height: number, size: number): Crop {
  checkSize(width, height);
  checkSize(size, size);
  const short = Math.min(width, height);
  const long = Math.trunc((size * Math.max(width, height)) / short);
  const [resizedWidth, resizedHeight] = width <= height ? [size, long] : [long, size];
  return {
    scale: size / short,
    left: middle(resizedWidth, size),
    top: middle(resizedHeight, size),
    resizedWidth,
    resizedHeight,
  };
}

function middle(side: number, size: number): number {
  return roundHalfEven((side - size) / 2);
}

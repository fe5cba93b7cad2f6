import { checkImage, checkSize, roundHalfEven } from "./image.js";
import type { RgbImage } from "./image.js";
import type { Random } from "./random.js";
import { resample } from "./resample.js";

/** One draw of the training transform: the rectangle that is cut, in pixels of the picture, and whether it is mirrored. */
export interface Augmentation {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
  readonly flip: boolean;
}

/**
 * Draws a random resized crop and a mirroring as torchvision does: area `scale` times the picture's, aspect ratio uniform in
 * its logarithm within `ratio`, ten tries, else the largest middle crop within `ratio`. The draws are this package's own, not
 * torch's. Throws for ranges that are no ranges. Source: torchvision `RandomResizedCrop.get_params`.
 *
 * @example
 * ```ts
 * import { createRandom, sampleAugmentation } from "@locoop/clip";
 *
 * const crop = sampleAugmentation(createRandom(1), { width: 640, height: 480 }, { scale: [0.5, 1] });
 * console.log(crop.width <= 640 && crop.height <= 480); // → true
 * ```
 */
export function sampleAugmentation(
  random: Random,
  { width, height }: { width: number; height: number },
  {
    scale = [0.08, 1],
    ratio = [3 / 4, 4 / 3],
    flip = 0.5,
  }: { scale?: readonly [number, number]; ratio?: readonly [number, number]; flip?: number } = {},
): Augmentation {
  checkSize(width, height);
  for (const [name, [low, high]] of [
    ["scale", scale],
    ["ratio", ratio],
  ] as const) {
    if (!(low > 0 && high >= low && high < Infinity))
      throw new Error(`${name} is [${low}, ${high}]; expected two positive numbers, the smaller first`);
  }
  const uniform = (low: number, high: number): number => low + (high - low) * random.next();
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * uniform(...scale);
    const aspect = Math.exp(uniform(Math.log(ratio[0]), Math.log(ratio[1])));
    const cut = { width: roundHalfEven(Math.sqrt(area * aspect)), height: roundHalfEven(Math.sqrt(area / aspect)) };
    if (cut.width > 0 && cut.height > 0 && cut.width <= width && cut.height <= height) {
      const top = random.integer(height - cut.height + 1);
      const left = random.integer(width - cut.width + 1);
      return { top, left, ...cut, flip: random.next() < flip };
    }
  }
  const cut = { width, height };
  if (width / height < ratio[0]) cut.height = Math.max(1, roundHalfEven(width / ratio[0]));
  else if (width / height > ratio[1]) cut.width = Math.max(1, roundHalfEven(height * ratio[1]));
  const top = Math.floor((height - cut.height) / 2);
  const left = Math.floor((width - cut.width) / 2);
  return { top, left, ...cut, flip: random.next() < flip };
}

/**
 * Cuts a picture, resizes the cut to `size` x `size` (bicubic, antialiased, Pillow's bytes) and mirrors it if drawn; bytes [S,S,3].
 * Throws when the rectangle does not lie in the picture.
 *
 * @example
 * ```ts
 * import { applyAugmentation } from "@locoop/clip";
 *
 * const image = { data: new Uint8Array(40 * 30 * 3), width: 40, height: 30 };
 * console.log(applyAugmentation(image, { top: 2, left: 5, height: 20, width: 24, flip: true }, 32).length); // → 3072
 * ```
 */
export function applyAugmentation(image: RgbImage, augmentation: Augmentation, size: number): Uint8Array<ArrayBuffer> {
  checkImage(image);
  checkSize(size, size);
  const { top, left, height, width, flip } = augmentation;
  checkSize(width, height);
  const whole = Number.isSafeInteger(top) && Number.isSafeInteger(left);
  if (!whole || top < 0 || left < 0 || top + height > image.height || left + width > image.width) {
    throw new Error(
      `cannot cut ${width} x ${height} pixels at (${left}, ${top}) out of ${image.width} x ${image.height}`,
    );
  }
  const square = { width: size, height: size };
  const pixels = resample(image, augmentation, square, { left: 0, top: 0, ...square });
  if (flip) mirror(pixels, size);
  return pixels;
}

/** Exchanges left and right in place, [S,S,3]. */
function mirror(pixels: Uint8Array, size: number): void {
  for (let row = 0; row < pixels.length; row += size * 3) {
    for (let a = row, b = row + (size - 1) * 3; a < b; a += 3, b -= 3) {
      for (let channel = 0; channel < 3; channel++) {
        const kept = pixels[a + channel] as number;
        pixels[a + channel] = pixels[b + channel] as number;
        pixels[b + channel] = kept;
      }
    }
  }
}

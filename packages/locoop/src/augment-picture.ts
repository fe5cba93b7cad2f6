import { applyAugmentation, createRandom, type RgbImage, sampleAugmentation } from "@locoop/clip";

/** Which augmentation of a picture: the same three numbers, the same one. */
export interface AugmentationPlace {
  /** Of the training. */
  readonly seed: number;
  /** The epoch, or the view where views are cached. */
  readonly epoch: number;
  /** The picture's place in the draw. */
  readonly index: number;
}

/** What seeds an augmentation, as text. */
export const augmentationKey = ({ seed, epoch, index }: AugmentationPlace): string => `${seed}/${epoch}/${index}`;

/**
 * A picture as one epoch of a training sees it: a random resized crop, perhaps mirrored; bytes [S,S,3].
 * `crop` is the range of the crop's area as a share of the picture's.
 *
 * @example
 * ```ts
 * import { augmentPicture } from "locoop";
 *
 * const image = { data: new Uint8Array(40 * 30 * 3), width: 40, height: 30 };
 * console.log(augmentPicture(image, { seed: 1, epoch: 0, index: 7, size: 32 }).length); // → 3072
 * ```
 */
export function augmentPicture(
  image: RgbImage,
  {
    size,
    crop = [0.08, 1],
    ...place
  }: AugmentationPlace & { readonly size: number; readonly crop?: readonly [number, number] },
): Uint8Array<ArrayBuffer> {
  return augmentByKey(image, { key: augmentationKey(place), scale: crop, size });
}

/** The same by the text that seeds it. */
export function augmentByKey(
  image: RgbImage,
  { key, scale, size }: { readonly key: string; readonly scale: readonly [number, number]; readonly size: number },
): Uint8Array<ArrayBuffer> {
  return applyAugmentation(image, sampleAugmentation(createRandom(key), image, { scale: [scale[0], scale[1]] }), size);
}

// What a decode worker needs, and no more: neither TensorFlow.js nor a model is loaded with it.
import { applyAugmentation, createRandom, preprocess, sampleAugmentation } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";

/** One picture to encode: the test crop, or the training augmentation that `key` seeds. */
export interface PictureRequest {
  readonly path: string;
  readonly augmentation?: { readonly key: string; readonly scale: readonly [number, number] };
}

/** Decodes and crops one picture to uint8 [S,S,3]. */
export async function readPixels(request: PictureRequest, size: number): Promise<Uint8Array> {
  const rgb = await readImage(request.path);
  if (!request.augmentation) return preprocess(rgb, size);
  const { key, scale } = request.augmentation;
  return applyAugmentation(rgb, sampleAugmentation(createRandom(key), rgb, { scale: [scale[0], scale[1]] }), size);
}

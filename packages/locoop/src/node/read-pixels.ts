// What a decode worker needs, and no more: neither TensorFlow.js nor a model is loaded with it.
import { preprocess } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { augmentByKey } from "../augment-picture.js";

/** One picture to encode: the test crop, or the training augmentation that `key` seeds. */
export interface PictureRequest {
  readonly path: string;
  readonly augmentation?: { readonly key: string; readonly scale: readonly [number, number] };
}

/** Decodes and crops one picture to uint8 [S,S,3]. */
export async function readPixels(request: PictureRequest, size: number): Promise<Uint8Array> {
  const rgb = await readImage(request.path);
  if (!request.augmentation) return preprocess(rgb, size);
  return augmentByKey(rgb, { ...request.augmentation, size });
}

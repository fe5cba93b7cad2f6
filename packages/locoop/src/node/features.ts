import type { Clip, Floats, ImageFeatures } from "@locoop/clip";
import { applyAugmentation, createRandom, preprocess, sampleAugmentation } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";

/** Pictures that go through the image tower at once. Fixed, and recorded in the run: it can decide the last bits of a feature. */
export const PICTURE_CHUNK = 16;

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

/** A chunk of decoded pictures: `good` indexes the requests whose pixels [B,S,S,3] these are. */
interface DecodedChunk {
  readonly start: number;
  readonly good: readonly number[];
  readonly data: Uint8Array;
  readonly errors: readonly { readonly index: number; readonly error: Error }[];
}

async function decodeChunk(requests: readonly PictureRequest[], start: number, size: number): Promise<DecodedChunk> {
  const part = requests.slice(start, start + PICTURE_CHUNK);
  const read = await Promise.allSettled(part.map((request) => readPixels(request, size)));
  const good: number[] = [];
  const errors: { index: number; error: Error }[] = [];
  const data = new Uint8Array(read.filter(({ status }) => status === "fulfilled").length * size * size * 3);
  read.forEach((result, i) => {
    if (result.status === "fulfilled") {
      data.set(result.value, good.length * size * size * 3);
      good.push(start + i);
    } else errors.push({ index: start + i, error: result.reason as Error });
  });
  return { start, good, data, errors };
}

/** Features of one chunk and the request each row belongs to. */
export interface EncodedChunk {
  readonly features: ImageFeatures;
  readonly good: readonly number[];
  readonly errors: DecodedChunk["errors"];
  readonly done: number;
}

/** Encodes pictures chunk by chunk; the next chunk is decoded while the tower works on one. */
export async function* encodeChunks(
  clip: Clip,
  requests: readonly PictureRequest[],
  { local, signal }: { local: boolean; signal?: AbortSignal },
): AsyncGenerator<EncodedChunk> {
  const size = clip.config.imageSize;
  let next = requests.length > 0 ? decodeChunk(requests, 0, size) : undefined;
  while (next) {
    signal?.throwIfAborted();
    const chunk: DecodedChunk = await next;
    const after: number = chunk.start + PICTURE_CHUNK;
    next = after < requests.length ? decodeChunk(requests, after, size) : undefined;
    const features: ImageFeatures =
      chunk.good.length > 0
        ? await clip.image.encode({ data: chunk.data, batch: chunk.good.length }, { local })
        : { global: { data: new Float32Array(0), shape: [0, clip.config.embedDim] } };
    yield { features, good: chunk.good, errors: chunk.errors, done: Math.min(after, requests.length) };
  }
}

/** Features of all pictures, in order; the first unreadable one is an error. Rows lie in shared memory, so workers hand them over without a copy. */
export async function encodePictures(
  clip: Clip,
  requests: readonly PictureRequest[],
  { local, signal, onProgress }: { local: boolean; signal?: AbortSignal; onProgress?: (done: number) => void },
): Promise<ImageFeatures> {
  let global: Floats | undefined;
  let regions: Floats | undefined;
  let row = 0;
  for await (const { features, good, errors, done } of encodeChunks(clip, requests, { local, signal })) {
    if (errors[0]) throw errors[0].error;
    global ??= allocate(requests.length, features.global);
    global.data.set(features.global.data, (row * global.data.length) / requests.length);
    if (features.local) {
      regions ??= allocate(requests.length, features.local);
      regions.data.set(features.local.data, (row * regions.data.length) / requests.length);
    }
    row += good.length;
    onProgress?.(done);
  }
  if (!global) throw new Error("no pictures to encode");
  return { global, local: regions };
}

function allocate(rows: number, like: Floats): Floats {
  const shape = [rows, ...like.shape.slice(1)];
  const length = shape.reduce((a, b) => a * b, 1);
  try {
    return { data: new Float32Array(new SharedArrayBuffer(length * 4)), shape };
  } catch {
    const gigabytes = ((length * 4) / 2 ** 30).toFixed(1);
    throw new Error(
      `${rows} pictures take ${gigabytes} GiB as cached features, more than there is; use fewer views, or none (--views 0) to encode them anew in every epoch`,
    );
  }
}

/** Rows of features by index, copied. */
export function takeRows(features: ImageFeatures, rows: readonly number[]): ImageFeatures {
  return { global: take(features.global, rows), local: features.local && take(features.local, rows) };
}

function take({ data, shape }: Floats, rows: readonly number[]): Floats {
  const stride = shape.slice(1).reduce((a, b) => a * b, 1);
  const out = new Float32Array(rows.length * stride);
  rows.forEach((row, i) => out.set(data.subarray(row * stride, (row + 1) * stride), i * stride));
  return { data: out, shape: [rows.length, ...shape.slice(1)] };
}

/** Joins features of consecutive parts, in shared memory. */
export function joinFeatures(parts: readonly ImageFeatures[]): ImageFeatures {
  const first = parts[0];
  if (!first || parts.length === 1) return first ?? { global: { data: new Float32Array(0), shape: [0, 0] } };
  const join = (list: readonly Floats[]): Floats => {
    const rows = list.reduce((n, { shape }) => n + shape[0]!, 0);
    const joined = allocate(rows, list[0]!);
    let at = 0;
    for (const { data } of list) {
      joined.data.set(data, at);
      at += data.length;
    }
    return joined;
  };
  return { global: join(parts.map((p) => p.global)), local: first.local && join(parts.map((p) => p.local!)) };
}

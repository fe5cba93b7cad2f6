import type { Clip, Floats, ImageFeatures } from "@locoop/clip";
import { type DecodedPictures, type Decoder, inlineDecoder } from "./decoder.js";
import type { PictureRequest } from "./read-pixels.js";

export type { PictureRequest } from "./read-pixels.js";

/** Pictures that go through the image tower at once. Fixed, and recorded in the run: it can decide the last bits of a feature. */
export const PICTURE_CHUNK = 16;

/** Features of one chunk and the request each row belongs to. */
export interface EncodedChunk {
  readonly features: ImageFeatures;
  readonly good: readonly number[];
  readonly errors: DecodedPictures["errors"];
  readonly done: number;
}

/** How pictures are encoded: with local features or without, and by whom they are decoded. */
export interface EncodeOptions {
  readonly local: boolean;
  readonly signal?: AbortSignal;
  readonly decoder?: Decoder;
}

/** Encodes pictures chunk by chunk; the next chunks are decoded while the tower works on one. */
export async function* encodeChunks(
  clip: Clip,
  requests: readonly PictureRequest[],
  { local, signal, decoder = inlineDecoder }: EncodeOptions,
): AsyncGenerator<EncodedChunk> {
  const size = clip.config.imageSize;
  const waiting: Promise<DecodedPictures>[] = [];
  let asked = 0;
  const askAhead = (): void => {
    for (; waiting.length < decoder.ahead && asked < requests.length; asked += PICTURE_CHUNK) {
      const chunk = decoder.decode(requests.slice(asked, asked + PICTURE_CHUNK), size);
      chunk.catch(() => {}); // thrown when its turn comes
      waiting.push(chunk);
    }
  };
  askAhead();
  for (let start = 0; start < requests.length; start += PICTURE_CHUNK) {
    signal?.throwIfAborted();
    const { good, data, errors } = await waiting.shift()!;
    askAhead();
    signal?.throwIfAborted();
    const features: ImageFeatures =
      good.length > 0
        ? await clip.image.encode({ data, batch: good.length }, { local })
        : { global: { data: new Float32Array(0), shape: [0, clip.config.embedDim] } };
    yield {
      features,
      good: good.map((index) => start + index),
      errors: errors.map(({ index, error }) => ({ index: start + index, error })),
      done: Math.min(start + PICTURE_CHUNK, requests.length),
    };
  }
}

/**
 * Features of all pictures, in order; the first unreadable one is an error. With `shared` the rows lie in shared memory, so that a
 * worker hands them over without a copy; ONNX Runtime would copy them at every use.
 */
export async function encodePictures(
  clip: Clip,
  requests: readonly PictureRequest[],
  {
    shared = false,
    onProgress,
    ...options
  }: EncodeOptions & { readonly shared?: boolean; readonly onProgress?: (done: number) => void },
): Promise<ImageFeatures> {
  let global: Floats | undefined;
  let regions: Floats | undefined;
  let row = 0;
  for await (const { features, good, errors, done } of encodeChunks(clip, requests, options)) {
    if (errors[0]) throw errors[0].error;
    global ??= allocate(requests.length, features.global, { shared });
    global.data.set(features.global.data, (row * global.data.length) / requests.length);
    if (features.local) {
      regions ??= allocate(requests.length, features.local, { shared });
      regions.data.set(features.local.data, (row * regions.data.length) / requests.length);
    }
    row += good.length;
    onProgress?.(done);
  }
  if (!global) throw new Error("no pictures to encode");
  return { global, local: regions };
}

function allocate(rows: number, like: Floats, { shared }: { shared: boolean }): Floats {
  const shape = [rows, ...like.shape.slice(1)];
  const length = shape.reduce((a, b) => a * b, 1);
  try {
    const data = shared ? new Float32Array(new SharedArrayBuffer(length * 4)) : new Float32Array(length);
    return { data, shape };
  } catch {
    const gigabytes = ((length * 4) / 2 ** 30).toFixed(1);
    throw new Error(
      `the features of ${rows} pictures take ${gigabytes} GiB of memory, more than there is; take fewer at once (--batch-size)`,
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
    const joined = allocate(rows, list[0]!, { shared: true });
    let at = 0;
    for (const { data } of list) {
      joined.data.set(data, at);
      at += data.length;
    }
    return joined;
  };
  return { global: join(parts.map((p) => p.global)), local: first.local && join(parts.map((p) => p.local!)) };
}

import type { ImageFeatures } from "@locoop/clip";
import { batches } from "@locoop/datasets/order";
import type { TrainingBatch } from "@locoop/prompt-learning";

/** What `trainingBatches` makes the batches of an epoch from. */
export interface TrainingBatchesOptions {
  /** The class of each picture, in the order of the draw. */
  readonly labels: readonly number[];
  /** Features of pictures by their place in `labels`, at a step of the epoch. */
  readonly featuresOf: (
    indices: readonly number[],
    at: { readonly epoch: number; readonly step: number },
  ) => Promise<ImageFeatures>;
  readonly batchSize: number;
  readonly seed: number;
  readonly epoch: number;
  /** The batch to begin with. */
  readonly firstBatch?: number;
  readonly signal?: AbortSignal;
}

/**
 * The batches of one epoch of a training, in the order that its seed decides; the next batch is encoded while one is trained on.
 * A last batch that is not full is left out unless it is the only one. What `fit` of `@locoop/prompt-learning` takes as `batches`.
 *
 * @throws what `featuresOf` throws, when its batch is due; the signal's reason when aborted
 * @example
 * ```ts
 * import { trainingBatches } from "locoop";
 *
 * const featuresOf = async (indices: readonly number[]) => ({ global: { data: new Float32Array(indices.length * 4), shape: [indices.length, 4] } });
 * for await (const { labels } of trainingBatches({ labels: [0, 1, 0, 1], featuresOf, batchSize: 4, seed: 1, epoch: 0 })) {
 *   console.log(labels.length); // → 4
 * }
 * ```
 */
export async function* trainingBatches({
  labels,
  featuresOf,
  batchSize,
  seed,
  epoch,
  firstBatch = 0,
  signal,
}: TrainingBatchesOptions): AsyncGenerator<TrainingBatch, void, undefined> {
  const load = (_: number, index: number): number => index;
  const order = batches<number, number>(labels, { size: batchSize, seed, epoch, firstBatch, load, signal });
  const batchOf = (indices: readonly number[], features: ImageFeatures): TrainingBatch => ({
    features,
    labels: Int32Array.from(indices, (index) => labels[index]!),
  });
  let ahead: { indices: readonly number[]; features: Promise<ImageFeatures> } | undefined;
  let step = firstBatch;
  for await (const { indices } of order) {
    const next = { indices, features: featuresOf(indices, { epoch, step: step++ }) };
    next.features.catch(() => {}); // thrown when its turn comes
    if (ahead) yield batchOf(ahead.indices, await ahead.features);
    ahead = next;
  }
  if (ahead) yield batchOf(ahead.indices, await ahead.features);
}

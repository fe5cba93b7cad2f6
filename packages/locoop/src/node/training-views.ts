import { join } from "node:path";
import type { ImageFeatures } from "@locoop/clip";
import { createRandom, regionGrid } from "@locoop/clip";
import type { Item } from "@locoop/datasets";
import { augmentationKey } from "../augment-picture.js";
import type { PictureRequest } from "./features.js";
import { ensureFiniteFeatures } from "./finite.js";
import { type RunConfig, runFiles } from "./run-folder.js";
import type { TrainSpec, TrainSurroundings } from "./train-run.js";
import { openViewCache, viewParts, type Views, viewsInMemory } from "./view-cache.js";

/** Gives the features of a batch: pictures by their place in the split, at one step of an epoch. */
export type BatchFeatures = (
  indices: readonly number[],
  at: { readonly epoch: number; readonly step: number },
) => Promise<ImageFeatures>;

/** Whether training reads local features: LoCoOp's loss does unless lambda is 0, a learner's own may. */
const needsLocal = ({ settings }: RunConfig): boolean => settings.loss === "learner" || settings.lambda > 0;

/** The augmentation of a picture, seeded by run, epoch (or view) and place in the split. */
function viewRequest({ settings }: RunConfig, item: Item, index: number, epoch: number): PictureRequest {
  const key = augmentationKey({ seed: settings.seed, epoch, index });
  return { path: item.path, augmentation: { key, scale: settings.crop } };
}

/** All views of all items, view-major: the order of cached features. */
export function viewRequests(config: RunConfig, items: readonly Item[]): PictureRequest[] {
  return Array.from({ length: config.settings.views }, (_, view) =>
    items.map((item, index) => viewRequest(config, item, index, view)),
  ).flat();
}

/** Which cached view a picture shows in an epoch. */
function pickView({ settings }: RunConfig, epoch: number, index: number): number {
  return createRandom(`view/${settings.seed}/${epoch}/${index}`).integer(settings.views);
}

/** Where a run's batches get their features from: views that are encoded before the first step, or each batch anew. */
export async function openBatchFeatures(spec: TrainSpec, surroundings: TrainSurroundings): Promise<BatchFeatures> {
  const { config, items, classes, features: given } = spec;
  const { workshop, signal } = surroundings;
  const local = needsLocal(config);
  if (config.settings.views > 0) {
    const views = given ? viewsInMemory(given) : await openCachedViews(spec, surroundings);
    return (indices, { epoch }) =>
      views.take(
        indices.map((index) => pickView(config, epoch, index) * items.length + index),
        { local },
      );
  }
  return async (indices, { epoch, step }) => {
    const requests = indices.map((index) => viewRequest(config, items[index]!, index, epoch));
    const features = await workshop.encode(requests, { local, signal });
    ensureFiniteFeatures(features, (row) => {
      const { path, label } = items[indices[row]!]!;
      return `${path} (class "${classes[label]!.name}", epoch ${epoch}, step ${step})`;
    });
    return features;
  };
}

/** The cache of a run's views, filled where it is not. */
export async function openCachedViews(
  { dir, config, classes, items, cache }: TrainSpec,
  { workshop, clip, signal, onProgress }: TrainSurroundings,
): Promise<Views> {
  const { dir: place, local } = cache ?? { dir: join(dir, runFiles.cache), local: needsLocal(config) };
  const requests = viewRequests(config, items);
  const total = requests.length;
  let last = 0;
  return openViewCache({
    dir: place,
    parts: viewParts(config, { local }),
    requests,
    embedDim: clip.config.embedDim,
    regions: local ? regionGrid(clip.config) ** 2 : 0,
    encode: (part, options) => workshop.encode(part, { local, ...options }),
    describe: (row) => {
      const { path, label } = items[row % items.length]!;
      return `${path} (class "${classes[label]!.name}")`;
    },
    // Two at once: while the last pictures of one shard are in the works, those of the next are on their way.
    parallel: workshop.threads > 1 ? 2 + Math.floor(workshop.threads / 8) : 1,
    signal,
    onProgress: (done) => onProgress?.({ stage: "encode", done: (last = done), total }),
    onNotice: (notice) => onProgress?.({ stage: "encode", done: last, total, notice }),
  });
}

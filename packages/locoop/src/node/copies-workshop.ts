import type { ImageFeatures } from "@locoop/clip";
import { joinFeatures, PICTURE_CHUNK } from "./features.js";
import { fittingWorkers } from "./memory.js";
import { closeModel, type ModelSpec } from "./model.js";
import type { ScoredPicture } from "./scoring.js";
import { signalForMany, trainInTurn, trainInWorkers } from "./train-all.js";
import { createWorkerPool, type WorkerPool } from "./worker-pool.js";
import type { JobOptions, Workshop } from "./workshop.js";

// Several chunks a task: worth a message, small enough to spread and to show progress. Cut at whole chunks, so that the number of
// workers never changes which pictures are encoded together.
const SLICE = 4 * PICTURE_CHUNK;

/** A copy of the model in each worker, which does pictures or whole runs. */
export function createCopiesWorkshop(model: ModelSpec, threads: number): Workshop {
  let opening: Promise<WorkerPool> | undefined;
  const open = (): Promise<WorkerPool> =>
    (opening ??= fittingWorkers(threads, model).then((workers) => createWorkerPool({ model, workers })));
  const sliced = async <T>(
    name: string,
    list: readonly unknown[],
    key: string,
    task: object,
    { signal, onProgress }: JobOptions,
    size = SLICE,
  ): Promise<T[]> => {
    const pool = await open();
    const done: number[] = [];
    const slices: Promise<T>[] = [];
    const stop = new AbortController();
    const either = signalForMany(signal, stop.signal);
    for (let start = 0; start < list.length; start += size) {
      const slot = slices.length;
      const progress = (count: number): void => {
        done[slot] = count;
        onProgress?.(done.reduce((a, b) => a + (b ?? 0), 0));
      };
      const part = { ...task, [key]: list.slice(start, start + size) };
      slices.push(pool.run<T>(name, part, { signal: either, onProgress: progress }));
    }
    try {
      return await Promise.all(slices);
    } catch (error) {
      stop.abort(error);
      await Promise.allSettled(slices);
      throw error;
    }
  };
  const workshop: Workshop = {
    model,
    threads,
    here: false,
    async encode(requests, { local, ...options }) {
      const size = requests.length <= SLICE * threads ? PICTURE_CHUNK : SLICE;
      return joinFeatures(await sliced<ImageFeatures>("encode", requests, "requests", { local }, options, size));
    },
    async score(paths, { classFeatures, scores, ...options }) {
      return (await sliced<ScoredPicture[]>("score", paths, "paths", { classFeatures, scores }, options)).flat();
    },
    async trainAll(specs, options) {
      try {
        if (specs.length === 1) return await trainInTurn(workshop, specs, options);
      } finally {
        await closeModel(); // where workers do it all, this thread's would only take room
      }
      return trainInWorkers(await open(), specs, options);
    },
    dispose: async () => (await opening)?.dispose(),
  };
  return workshop;
}

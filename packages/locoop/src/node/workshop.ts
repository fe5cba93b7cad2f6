import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { Floats, ImageFeatures } from "@locoop/clip";
import { Tinypool } from "tinypool";
import type { PictureRequest } from "./features.js";
import { encodePictures, joinFeatures, PICTURE_CHUNK } from "./features.js";
import type { ModelSpec } from "./model.js";
import { closeModel, openModel } from "./model.js";
import type { ScoreChoice } from "./plugins.js";
import type { ScoredPicture } from "./scoring.js";
import { scorePictures } from "./scoring.js";
import type { TrainedRun, TrainProgress, TrainSpec } from "./train-run.js";
import { trainRun } from "./train-run.js";

/** What every job takes: a way to stop it, and who wants to hear how far it is. */
export interface JobOptions<P = number> {
  readonly signal?: AbortSignal;
  /** Called as the job goes on. */
  readonly onProgress?: (progress: P) => void;
}

/** Where heavy work is done: in this thread, or spread over worker threads. The same bits either way. */
export interface Workshop {
  readonly model: ModelSpec;
  readonly threads: number;
  /** Features of pictures, in order; progress counts pictures. */
  encode(requests: readonly PictureRequest[], options: JobOptions & { local: boolean }): Promise<ImageFeatures>;
  /** Judgements of pictures by every set of class features; progress counts pictures. */
  score(
    paths: readonly string[],
    options: JobOptions & { classFeatures: readonly Floats[]; scores: readonly ScoreChoice[] },
  ): Promise<ScoredPicture[]>;
  /** One whole training run. */
  train(spec: TrainSpec, options?: JobOptions<TrainProgress>): Promise<TrainedRun>;
  /** Ends the workers and frees the model. */
  dispose(): Promise<void>;
}

/** Everything in the calling thread. */
export function createInlineWorkshop(model: ModelSpec): Workshop {
  const workshop: Workshop = {
    model,
    threads: 1,
    encode: async (requests, options) => encodePictures(await openModel(model), requests, options),
    score: async (paths, options) => scorePictures(await openModel(model), paths, options),
    train: async (spec, options = {}) => trainRun(spec, { workshop, clip: await openModel(model), ...options }),
    dispose: closeModel,
  };
  return workshop;
}

// Several chunks a task: worth a message, small enough to spread and to show progress. Cut at whole chunks, so that the number of
// workers never changes which pictures are encoded together.
const SLICE = 4 * PICTURE_CHUNK;

/** One signal for any number of tasks at once. Each listens to it until it is done: many listeners are no leak here. */
export function signalForMany(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const either = AbortSignal.any(signals.filter((signal) => signal !== undefined));
  setMaxListeners(0, either);
  return either;
}

/**
 * Makes a workshop: worker threads, each with the model in its own backend, or for `threads` 1 the calling thread. Results are the
 * same bits whatever their number. The caller disposes it.
 *
 * @example
 * ```ts
 * import { tinyClipPaths } from "@locoop/tiny-clip";
 * import { createWorkshop } from "locoop/node";
 *
 * const workshop = createWorkshop({ model: { weights: tinyClipPaths().weights, backend: "wasm" }, threads: 1 });
 * console.log(workshop.threads); // → 1
 * await workshop.dispose();
 * ```
 */
export function createWorkshop({ model, threads }: { model: ModelSpec; threads: number }): Workshop {
  if (threads <= 1) return createInlineWorkshop(model);
  // The entry is compiled JavaScript also where the sources are TypeScript (tests): a worker knows no other loader.
  const entry = fileURLToPath(new URL("./worker.js", import.meta.url)).replace(
    /([\\/])src([\\/]node[\\/]worker\.js)$/,
    "$1dist$2",
  );
  const pool = new Tinypool({
    filename: entry,
    minThreads: Math.min(threads, availableParallelism()),
    maxThreads: threads,
    idleTimeout: 600_000,
    trackUnmanagedFds: false,
  });
  const run = async <T, P = number>(
    name: string,
    task: object,
    { signal, onProgress }: JobOptions<P> = {},
  ): Promise<T> => {
    signal?.throwIfAborted();
    const { port1, port2 } = new MessageChannel();
    const report = onProgress as ((progress: unknown) => void) | undefined;
    port1.on("message", (progress: unknown) => report?.(progress));
    port1.unref();
    try {
      const message: { port: MessagePort; model: ModelSpec } = { ...task, model, port: port2 };
      return (await pool.run(message, { name, transferList: [port2], signal })) as T;
    } catch (error) {
      // The pool has words of its own for a stop; the caller's say why.
      throw signal?.aborted ? signal.reason : error;
    } finally {
      port1.close();
    }
  };
  const sliced = async <T>(
    name: string,
    list: readonly unknown[],
    key: string,
    task: object,
    { signal, onProgress }: JobOptions,
    size = SLICE,
  ): Promise<T[]> => {
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
      slices.push(
        run<T>(name, { ...task, [key]: list.slice(start, start + size) }, { signal: either, onProgress: progress }),
      );
    }
    try {
      return await Promise.all(slices);
    } catch (error) {
      stop.abort(error);
      await Promise.allSettled(slices);
      throw error;
    }
  };
  return {
    model,
    threads,
    async encode(requests, { local, ...options }) {
      const size = requests.length <= SLICE * threads ? PICTURE_CHUNK : SLICE;
      return joinFeatures(await sliced<ImageFeatures>("encode", requests, "requests", { local }, options, size));
    },
    async score(paths, { classFeatures, scores, ...options }) {
      return (await sliced<ScoredPicture[]>("score", paths, "paths", { classFeatures, scores }, options)).flat();
    },
    train: (spec, options = {}) => run<TrainedRun, TrainProgress>("train", { spec }, options),
    dispose: () => pool.destroy(),
  };
}

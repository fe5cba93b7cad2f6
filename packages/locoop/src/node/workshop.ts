import type { Floats, ImageFeatures } from "@locoop/clip";
import { createCopiesWorkshop } from "./copies-workshop.js";
import { createDecoder, type Decoder } from "./decoder.js";
import type { PictureRequest } from "./features.js";
import { encodePictures, PICTURE_CHUNK } from "./features.js";
import { fittingWorkers } from "./memory.js";
import type { ModelSpec } from "./model.js";
import { closeModel, openModel } from "./model.js";
import type { ScoreChoice } from "./plugins.js";
import type { ScoredPicture } from "./scoring.js";
import { scorePictures } from "./scoring.js";
import type { TrainedRun, TrainProgress, TrainSpec } from "./train-run.js";
import { trainInTurn, trainInWorkers } from "./train-all.js";
import { createWorkerPool, type WorkerPool } from "./worker-pool.js";

/** What every job takes: a way to stop it, and who wants to hear how far it is. */
export interface JobOptions<P = number> {
  readonly signal?: AbortSignal;
  /** Called as the job goes on. */
  readonly onProgress?: (progress: P) => void;
}

/** How several runs are trained: a way to stop them, and who hears of each. */
export interface TrainAllOptions {
  readonly signal?: AbortSignal;
  /** Gives the listener of one run; they are counted from 0. */
  readonly progressOf?: (run: number) => (progress: TrainProgress) => void;
}

/** Where heavy work is done: in this thread, or spread over worker threads. The same bits either way. */
export interface Workshop {
  readonly model: ModelSpec;
  /** Cores to use in all. */
  readonly threads: number;
  /** Whether pictures go through the model that is open in this thread, or through copies of it in workers. */
  readonly here: boolean;
  /** Features of pictures, in order; progress counts pictures. */
  encode(requests: readonly PictureRequest[], options: JobOptions & { local: boolean }): Promise<ImageFeatures>;
  /** Judgements of pictures by every set of class features; progress counts pictures. */
  score(
    paths: readonly string[],
    options: JobOptions & { classFeatures: readonly Floats[]; scores: readonly ScoreChoice[] },
  ): Promise<ScoredPicture[]>;
  /** Whole training runs: one in this thread, several at once in workers as far as cores and memory allow. */
  trainAll(specs: readonly TrainSpec[], options?: TrainAllOptions): Promise<TrainedRun[]>;
  /** Ends the workers and frees the model. */
  dispose(): Promise<void>;
}

/** Everything in the calling thread; pictures may be decoded elsewhere. */
export function createInlineWorkshop(
  model: ModelSpec,
  decoderFor: (pictures: number) => Decoder | undefined = () => undefined,
): Workshop {
  const workshop: Workshop = {
    model,
    threads: 1,
    here: true,
    encode: async (requests, options) =>
      encodePictures(await openModel(model), requests, { ...options, decoder: decoderFor(requests.length) }),
    score: async (paths, options) =>
      scorePictures(await openModel(model), paths, { ...options, decoder: decoderFor(paths.length) }),
    trainAll: (specs, options) => trainInTurn(workshop, specs, options),
    dispose: closeModel,
  };
  return workshop;
}

/**
 * Makes a workshop that uses so many cores. ONNX Runtime and TensorFlow spread a tower over them by themselves: the calling thread
 * holds the model, and worker threads decode pictures for it. TensorFlow.js alone uses one core: worker threads hold a copy of the
 * model each, as many as fit into memory. For `threads` 1 everything is done in the calling thread. Results are the same bits whatever the number.
 * The caller disposes it.
 *
 * @example
 * ```ts
 * import { tinyClipPaths } from "@locoop/tiny-clip";
 * import { createWorkshop, resolveEngine } from "locoop/node";
 *
 * const { engine, threads } = await resolveEngine({ threads: 1 });
 * const workshop = createWorkshop({ model: { weights: tinyClipPaths().weights, engine }, threads });
 * console.log(workshop.threads); // → 1
 * await workshop.dispose();
 * ```
 */
export function createWorkshop({ model, threads }: { model: ModelSpec; threads: number }): Workshop {
  if (threads <= 1) return createInlineWorkshop(model);
  const { engine } = model;
  return engine.engine === "onnx" || engine.backend === "tensorflow"
    ? createOneModelWorkshop(model, threads)
    : createCopiesWorkshop(model, threads);
}

/** The model once, in the calling thread; workers decode, or train one of several runs each. */
function createOneModelWorkshop(model: ModelSpec, threads: number): Workshop {
  let decoder: ReturnType<typeof createDecoder> | undefined;
  let pool: WorkerPool | undefined;
  // A few pictures are not worth the start of a worker.
  const decoderFor = (pictures: number): Decoder | undefined =>
    (decoder ??= pictures > PICTURE_CHUNK ? createDecoder({ threads }) : undefined);
  const inline = createInlineWorkshop(model, decoderFor);
  const poolFor = async (runs: number): Promise<WorkerPool | undefined> => {
    // TensorFlow takes all cores for each run, however many there are at once.
    if (model.engine.engine !== "onnx") return undefined;
    const workers = await fittingWorkers(Math.min(runs, threads), model);
    if (pool?.workers === workers) return pool;
    await pool?.dispose();
    pool = undefined;
    if (workers > 1) {
      const engine = { ...model.engine, threads: Math.floor(threads / workers) };
      pool = createWorkerPool({ model: { ...model, engine }, workers });
    }
    return pool;
  };
  const workshop: Workshop = {
    ...inline,
    threads,
    async trainAll(specs, options) {
      const workers = specs.length > 1 ? await poolFor(specs.length) : undefined;
      if (!workers) return trainInTurn(workshop, specs, options);
      await closeModel(); // this thread's would only take room
      return trainInWorkers(workers, specs, options);
    },
    async dispose() {
      await Promise.all([decoder?.dispose(), pool?.dispose()]);
      await closeModel();
    },
  };
  return workshop;
}

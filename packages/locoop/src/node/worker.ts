// What a worker thread does: one exported function per kind of job. Tinypool calls them by name.
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { Floats, ImageFeatures } from "@locoop/clip";
import type { PictureRequest } from "./features.js";
import { encodePictures } from "./features.js";
import type { ModelSpec } from "./model.js";
import { openModel } from "./model.js";
import type { ScoredPicture } from "./scoring.js";
import { scorePictures } from "./scoring.js";
import type { TrainedRun, TrainSpec } from "./train-run.js";
import { trainRun } from "./train-run.js";
import { createInlineWorkshop } from "./workshop.js";

type Job<T> = T & { readonly model: ModelSpec; readonly port: MessagePort };

async function finish<R>(
  port: MessagePort,
  job: (tell: (progress: unknown) => void, signal: AbortSignal) => Promise<R>,
): Promise<R> {
  // Whatever comes through the port means: stop.
  const stop = new AbortController();
  const abort = (): void => stop.abort(new Error("stopped"));
  if (receiveMessageOnPort(port)) abort();
  port.on("message", abort);
  try {
    stop.signal.throwIfAborted();
    return await job((progress) => port.postMessage(progress), stop.signal);
  } catch (error) {
    // A structured clone keeps the message of an error, and little else: hand over a plain one.
    throw error instanceof Error
      ? Object.assign(new Error(error.message), { name: error.name, stack: error.stack })
      : error;
  } finally {
    port.close();
  }
}

/** Encodes pictures. */
export async function encode({
  model,
  port,
  requests,
  local,
}: Job<{ requests: PictureRequest[]; local: boolean }>): Promise<ImageFeatures> {
  return finish(port, async (onProgress) =>
    encodePictures(await openModel(model), requests, { local, shared: true, onProgress }),
  );
}

/** Scores pictures. */
export async function score({
  model,
  port,
  paths,
  classFeatures,
  scores,
}: Job<{ paths: string[]; classFeatures: Floats[]; scores: string[] }>): Promise<ScoredPicture[]> {
  return finish(port, async (onProgress) =>
    scorePictures(await openModel(model), paths, { classFeatures, scores, onProgress }),
  );
}

/** Trains one run, all of it in this thread. */
export async function train({ model, port, spec }: Job<{ spec: TrainSpec }>): Promise<TrainedRun> {
  return finish(port, async (onProgress, signal) =>
    trainRun(spec, { workshop: createInlineWorkshop(model), clip: await openModel(model), onProgress, signal }),
  );
}

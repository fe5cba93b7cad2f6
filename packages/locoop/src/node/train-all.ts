import { setMaxListeners } from "node:events";
import { openModel } from "./model.js";
import { trainRun, type TrainedRun, type TrainProgress, type TrainSpec } from "./train-run.js";
import type { WorkerPool } from "./worker-pool.js";
import type { TrainAllOptions, Workshop } from "./workshop.js";

/** One run after the other in this thread; its pictures are encoded by the workshop. */
export async function trainInTurn(
  workshop: Workshop,
  specs: readonly TrainSpec[],
  { signal, progressOf }: TrainAllOptions = {},
): Promise<TrainedRun[]> {
  const done: TrainedRun[] = [];
  for (const [run, spec] of specs.entries()) {
    const clip = await openModel(workshop.model);
    done.push(await trainRun(spec, { workshop, clip, signal, onProgress: progressOf?.(run) }));
  }
  return done;
}

/** Each run whole in a worker; the first failure stops the others. */
export async function trainInWorkers(
  pool: WorkerPool,
  specs: readonly TrainSpec[],
  { signal, progressOf }: TrainAllOptions = {},
): Promise<TrainedRun[]> {
  const stop = new AbortController();
  const either = signalForMany(signal, stop.signal);
  const runs = specs.map((spec, run) =>
    pool.run<TrainedRun, TrainProgress>("train", { spec }, { signal: either, onProgress: progressOf?.(run) }),
  );
  try {
    return await Promise.all(runs);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(runs);
    throw error;
  }
}

/** One signal for any number of tasks at once. Each listens to it until it is done: many listeners are no leak here. */
export function signalForMany(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const either = AbortSignal.any(signals.filter((signal) => signal !== undefined));
  setMaxListeners(0, either);
  return either;
}

import { MessageChannel, type MessagePort } from "node:worker_threads";
import { Tinypool } from "tinypool";
import { workerEntry } from "./decoder.js";
import type { ModelSpec } from "./model.js";
import type { JobOptions } from "./workshop.js";

/** Worker threads with a copy of the model each. */
export interface WorkerPool {
  readonly workers: number;
  /** One job of `worker.ts`, by its name. */
  run<T, P = number>(name: string, task: object, options?: JobOptions<P>): Promise<T>;
  /** Ends the workers; not before all jobs have ended. */
  dispose(): Promise<void>;
}

/** Makes a pool; workers start as there are jobs for them. */
export function createWorkerPool({ model, workers }: { model: ModelSpec; workers: number }): WorkerPool {
  const pool = new Tinypool({
    ...workerEntry("worker"),
    minThreads: 1,
    maxThreads: workers,
    idleTimeout: 600_000,
    trackUnmanagedFds: false,
  });
  // A thread that is ended inside ONNX Runtime takes the whole process with it: it is asked to stop, and waited for.
  const asks = model.engine.engine === "onnx";
  return {
    workers,
    async run<T, P>(name: string, task: object, { signal, onProgress }: JobOptions<P> = {}): Promise<T> {
      signal?.throwIfAborted();
      const { port1, port2 } = new MessageChannel();
      port1.on("message", (progress: P) => onProgress?.(progress));
      port1.unref();
      const stop = (): void => port1.postMessage("stop");
      if (asks) signal?.addEventListener("abort", stop, { once: true });
      try {
        const message: { port: MessagePort; model: ModelSpec } = { ...task, model, port: port2 };
        return (await pool.run(message, { name, transferList: [port2], signal: asks ? undefined : signal })) as T;
      } catch (error) {
        // The pool has words of its own for a stop; the caller's say why.
        throw signal?.aborted ? signal.reason : error;
      } finally {
        signal?.removeEventListener("abort", stop);
        port1.close();
      }
    },
    dispose: () => pool.destroy(),
  };
}

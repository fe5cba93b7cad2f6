import type { CallName, Calls, ModelInfo, Reply, Request } from "./messages.js";

interface Waiting {
  resolve(output: never): void;
  reject(error: Error): void;
  progress?(progress: never): void;
}

/** What the page asks the worker through. */
export interface Client {
  call<K extends CallName>(
    name: K,
    input: Calls[K]["input"],
    options?: { signal?: AbortSignal; onProgress?: (progress: Calls[K]["progress"]) => void },
  ): Promise<Calls[K]["output"]>;
}

/** Starts the worker. If it dies, what was asked fails with a sentence and `onRestart` opens a new one's model; `onModel` hears of a model that the worker opened by itself. */
export function createClient({
  onRestart,
  onModel,
}: {
  onRestart: (reason: string) => void;
  onModel: (model: ModelInfo) => void;
}): Client {
  const waiting = new Map<number, Waiting>();
  let count = 0;
  let worker = start();

  function start(): Worker {
    const started = new Worker(new URL("./worker/main.ts", import.meta.url), { type: "module" });
    started.onmessage = ({ data }: MessageEvent<Reply>) => settle(data);
    started.onerror = (event) => {
      event.preventDefault();
      const reason = event.message || "it did not say why; memory may have run out";
      started.terminate();
      worker = start();
      const error = new Error(`The computing part of the page stopped (${reason}) and was started again.`);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      onRestart(error.message);
    };
    return started;
  }

  function settle(reply: Reply): void {
    if ("lost" in reply) {
      onModel(reply.lost);
      return;
    }
    const asked = waiting.get(reply.id);
    if (!asked) return;
    if ("progress" in reply) {
      asked.progress?.(reply.progress as never);
      return;
    }
    waiting.delete(reply.id);
    if ("output" in reply) asked.resolve(reply.output as never);
    else asked.reject(Object.assign(new Error(reply.error), { name: reply.stopped ? "AbortError" : "Error" }));
  }

  return {
    call(call, input, { signal, onProgress } = {}) {
      const id = ++count;
      const send = (request: Request): void => worker.postMessage(request);
      const stop = (): void => send({ id, stop: true });
      return new Promise<never>((resolve, reject) => {
        waiting.set(id, { resolve, reject, progress: onProgress as Waiting["progress"] });
        send({ id, call, input });
        signal?.addEventListener("abort", stop, { once: true });
      }).finally(() => signal?.removeEventListener("abort", stop));
    },
  };
}

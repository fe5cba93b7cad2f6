import type { Engine } from "@locoop/clip";
import { onnxEngine, type OnnxRuntime } from "@locoop/clip/onnx";

/** Loads ONNX Runtime, which is no part of the first visit, and starts it on a device. */
export async function startOnnx({ device, threads }: { device: "webgpu" | "cpu"; threads?: number }): Promise<Engine> {
  const loaded = await import("onnxruntime-web");
  loaded.env.wasm.numThreads = threads ?? 1;
  const runtime = loaded as unknown as OnnxRuntime;
  runtime.env.logLevel = "fatal"; // errors are thrown
  const lost = device === "webgpu" ? watchDevice(loaded.env) : new Promise<never>(() => {});
  return onnxEngine({ runtime: oneAtATime(runtime, device, lost), device, threads });
}

/** Rejects when the graphics device is lost: what waits for it would wait for ever. */
function watchDevice(env: { webgpu: object }): Promise<never> {
  return new Promise((_, reject) => {
    const look = async (): Promise<void> => {
      // There from the first session on.
      const device = await (env.webgpu as { device?: Promise<{ lost: Promise<{ message: string }> }> }).device;
      if (!device) {
        setTimeout(() => void look(), 100);
        return;
      }
      const { message } = await device.lost;
      reject(new Error(`the WebGPU device was lost (${message || "no reason given"})`));
    };
    void look();
  });
}

/** The runtime of browsers runs one session at a time, and calls its processor "wasm". */
function oneAtATime(runtime: OnnxRuntime, device: "webgpu" | "cpu", lost: Promise<never>): OnnxRuntime {
  lost.catch(() => {});
  let last: Promise<unknown> = Promise.resolve();
  const queue = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(() => Promise.race([work(), lost]));
    last = next.catch(() => {});
    return next;
  };
  const providers = device === "cpu" ? { executionProviders: ["wasm"] } : {};
  return {
    Tensor: runtime.Tensor,
    env: runtime.env,
    InferenceSession: {
      async create(model, options) {
        const session = await queue(() => runtime.InferenceSession.create(model, { ...options, ...providers }));
        return {
          run: (feeds, fetches) => queue(() => session.run(feeds, fetches)),
          release: () => queue(() => session.release()),
        };
      },
    },
  };
}

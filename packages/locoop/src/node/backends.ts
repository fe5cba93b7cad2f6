import * as tf from "@tensorflow/tfjs";

/** The TensorFlow.js backends that the command line can compute with. */
export type BackendName = "wasm" | "cpu" | "tensorflow";

export const TENSORFLOW_PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** Starts a backend in this thread, where it becomes the current one. */
export async function startBackend(backend: BackendName): Promise<typeof tf> {
  tf.enableProdMode(); // no banner of tfjs, no checks of every value
  if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
  if (backend === "tensorflow") await importTensorflow();
  if (!(await tf.setBackend(backend)) || tf.getBackend() !== backend)
    throw new Error(
      `the ${backend} backend of TensorFlow.js did not start; try --backend ${backend === "wasm" ? "cpu" : "wasm"}`,
    );
  await tf.ready();
  return tf;
}

async function importTensorflow(): Promise<void> {
  let reason = "";
  for (const name of TENSORFLOW_PACKAGES) {
    try {
      await import(name);
      return;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "ERR_MODULE_NOT_FOUND") reason = `; ${name} is there but does not load: ${message}`;
    }
  }
  throw Object.assign(
    new Error(
      `backend tensorflow needs @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu: build it with tools/tensorflow/build.mjs (guide "tensorflow"), or use --backend wasm${reason}`,
    ),
    reason === "" ? { name: "NotInstalledError" } : {},
  );
}

/** TensorFlow's own version and its setting that decides the bits of matrix products. Loads the library, which alone knows. */
export async function readTensorflow(): Promise<{ version: string; settings: Record<string, string> }> {
  await importTensorflow();
  const { binding } = tf.findBackend("tensorflow") as unknown as { binding: { TF_Version: string } };
  return {
    version: binding.TF_Version,
    settings: { TF_ENABLE_ONEDNN_OPTS: process.env.TF_ENABLE_ONEDNN_OPTS ?? "not set" },
  };
}

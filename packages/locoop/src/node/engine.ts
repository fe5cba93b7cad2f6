import { availableParallelism } from "node:os";
import { tfjsEngine } from "@locoop/clip/tfjs";
import * as tf from "@tensorflow/tfjs";
import { runVersions, versionOf } from "./versions.js";

/** The TensorFlow.js backends that the command line can compute with. */
export type BackendName = "wasm" | "cpu" | "tensorflow";

/** What computed a run: part of its record, and of what decides its bits. */
export interface EngineDescription {
  readonly engine: "tensorflow.js";
  readonly backend: BackendName;
  readonly versions: Readonly<Record<string, string>>;
}

/** How many workers run when nobody says: two, or one on a single core. */
export function defaultThreads(): number {
  return Math.min(2, availableParallelism());
}

/** Reads which engine a backend stands for, without starting it. */
export async function describeEngine(backend: BackendName): Promise<EngineDescription> {
  const versions: Record<string, string> = { "@tensorflow/tfjs": await versionOf("@tensorflow/tfjs") };
  if (backend === "wasm") versions["@tensorflow/tfjs-backend-wasm"] = await versionOf("@tensorflow/tfjs-backend-wasm");
  if (backend === "tensorflow") {
    for (const name of TENSORFLOW_PACKAGES) {
      const version = await versionOf(name);
      if (version !== "not installed") versions[name] = version;
    }
  }
  return { engine: "tensorflow.js", backend, versions };
}

/** What a report says of where its numbers were computed; `more` comes before the platform. */
export async function describeEnvironment(
  backend: BackendName,
  more: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const { engine, versions } = await describeEngine(backend);
  return {
    ...versions,
    ...(await runVersions()),
    engine,
    backend,
    ...more,
    platform: `${process.platform} ${process.arch}`,
  };
}

const TENSORFLOW_PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** Starts a backend in this thread and returns the engine on it. */
export async function openEngine(backend: BackendName): Promise<ReturnType<typeof tfjsEngine>> {
  tf.enableProdMode(); // no banner of tfjs, no checks of every value
  if (backend === "wasm") await import("@tensorflow/tfjs-backend-wasm");
  if (backend === "tensorflow") await importTensorflow();
  if (!(await tf.setBackend(backend)) || tf.getBackend() !== backend)
    throw new Error(
      `the ${backend} backend of TensorFlow.js did not start; try --backend ${backend === "wasm" ? "cpu" : "wasm"}`,
    );
  await tf.ready();
  return tfjsEngine({ tf });
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
  throw new Error(
    `backend tensorflow needs @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu: npm install @tensorflow/tfjs-node@4.22.0, or use --backend wasm${reason}`,
  );
}

import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import type { Engine } from "./engine.js";
import { onnxEngine } from "./onnx/index.js";
import { tfjsEngine } from "./tfjs/index.js";

/**
 * The TensorFlow.js backends that tests run on. `tensorflow` is one of them where LOCOOP_TENSORFLOW=1 says that
 * tools/tensorflow/build.mjs was run; elsewhere its tests do not exist.
 */
export const tfjsBackends: readonly string[] = [
  "cpu",
  "wasm",
  ...(process.env.LOCOOP_TENSORFLOW === "1" ? ["tensorflow"] : []),
];

/** Makes one of them the current backend. */
export async function startBackend(name: string): Promise<void> {
  if (name === "tensorflow") {
    const addon = "@tensorflow/tfjs-node"; // a name that the compiler does not look up: it may be absent
    await import(addon);
  }
  if (!(await tf.setBackend(name)) || tf.getBackend() !== name) throw new Error(`backend ${name} did not start`);
}

/** The engines that tests run towers on. */
export const engineNames: readonly string[] = [...tfjsBackends, "onnx"];

/** Starts one of them; beside ONNX Runtime, the backend of TensorFlow.js is wasm. */
export async function startEngine(name: string): Promise<Engine> {
  await startBackend(name === "onnx" ? "wasm" : name);
  return name === "onnx" ? onnxEngine({ threads: 2 }) : tfjsEngine({ tf });
}

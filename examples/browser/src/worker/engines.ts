import type { Engine } from "@locoop/clip";
import { tfjsEngine } from "@locoop/clip/tfjs";
import * as tf from "@tensorflow/tfjs";
import { getThreadsCount, setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import simd from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.wasm?url";
import plain from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm?url";

/** An engine, and what to tell people about it. */
export interface StartedEngine {
  readonly engine: Engine;
  readonly device: "webgpu" | "wasm";
  readonly words: string;
}

/** Threads for one picture at a time: more than four wait for one another. */
const threads = Math.max(1, Math.min(4, navigator.hardwareConcurrency));

let started: Promise<string> | undefined;

/** Starts TensorFlow.js on WebAssembly, which learners and losses need whatever runs the towers; says how. */
async function startTensorflow(): Promise<string> {
  tf.enableProdMode();
  setWasmPaths({
    "tfjs-backend-wasm.wasm": plain,
    "tfjs-backend-wasm-simd.wasm": simd,
    "tfjs-backend-wasm-threaded-simd.wasm": threaded,
  });
  setThreadsCount(threads);
  if (!(await tf.setBackend("wasm")))
    throw new Error("WebAssembly does not start in this browser; use a current Chrome, Edge, Firefox or Safari");
  await tf.ready();
  const vector = (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) ? " with SIMD" : "";
  const many = (await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT")) ? getThreadsCount() : 1;
  return `WebAssembly${vector}, ${many === 1 ? "1 thread" : `${many} threads`}`;
}

/** Whether a WebGPU adapter is there. */
async function hasAdapter(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<object | null> } };
  return (await gpu?.requestAdapter().catch(() => null)) != null;
}

/**
 * Starts an engine. TensorFlow.js on WebAssembly is small and there at once; ONNX Runtime is a large download, which is worth it
 * for large weights, and for whoever asks for WebGPU.
 */
export async function startEngine(
  wanted: "auto" | "webgpu" | "wasm",
  { large }: { large: boolean },
): Promise<StartedEngine> {
  const words = await (started ??= startTensorflow());
  if (wanted === "webgpu" || (wanted === "auto" && large && (await hasAdapter()))) {
    if (!(await hasAdapter()))
      throw new Error("this browser gives no WebGPU adapter; choose WebAssembly, or try a current Chrome or Edge");
    const { startOnnx } = await import("./onnx.js");
    return { engine: await startOnnx({ device: "webgpu" }), device: "webgpu", words: "WebGPU (ONNX Runtime)" };
  }
  if (large) {
    const { startOnnx } = await import("./onnx.js");
    const cores = crossOriginIsolated ? threads : 1;
    return {
      engine: await startOnnx({ device: "cpu", threads: cores }),
      device: "wasm",
      words: `WebAssembly (ONNX Runtime), ${cores === 1 ? "1 thread" : `${cores} threads`}`,
    };
  }
  return { engine: tfjsEngine({ tf }), device: "wasm", words };
}

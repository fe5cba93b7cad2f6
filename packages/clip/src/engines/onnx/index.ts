import type { Engine } from "../engine.js";
import { checkRuntime, importRuntime, tryDevice, type OnnxDevice, type OnnxRuntime } from "./runtime.js";
import { openSession } from "./session.js";

export type { Bytes, Engine, EngineSession, InputSpec, Program, Recorded } from "../engine.js";
export type { AttentionOptions, ConvolutionOptions, Dim, Ops } from "../../ops.js";
export type { Floats } from "../../floats.js";
export { exportImageTower } from "./export.js";
export type { ClipConfig, WeightMap } from "../../config.js";
export type { OnnxDevice, OnnxRuntime, OnnxSession, OnnxTensor } from "./runtime.js";

/** An engine on ONNX Runtime, and what it computes with. */
export interface OnnxEngine extends Engine {
  readonly device: OnnxDevice;
  readonly runtimeVersion: string;
}

/** Which runtime, where and with how many threads. */
export interface OnnxEngineOptions {
  /** What `import("onnxruntime-node")` or `import("onnxruntime-web")` gives; default: imported here. */
  readonly runtime?: OnnxRuntime;
  readonly device?: OnnxDevice;
  /** Threads of one operation; default: as many as the runtime finds cores. */
  readonly threads?: number;
}

/**
 * Runs towers on ONNX Runtime: each is traced into a graph, its way back into a second one, and compiled at its first use.
 * Throws where the runtime is missing, too old, or cannot use the device. In Node a run blocks the thread while it computes.
 *
 * @example
 * ```ts
 * import { onnxEngine } from "@locoop/clip/onnx";
 *
 * const engine = await onnxEngine({ threads: 2 });
 * console.log(engine.name); // → onnx-cpu
 * ```
 */
export async function onnxEngine({ runtime, device = "cpu", threads }: OnnxEngineOptions = {}): Promise<OnnxEngine> {
  const loaded = runtime ?? (await importRuntime());
  const runtimeVersion = checkRuntime(loaded, device);
  const options = {
    executionProviders: [device],
    graphOptimizationLevel: "all",
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Threads that wait by spinning stop when a run ends: they would take the cores of the next session and of TensorFlow.js.
    extra: { session: { force_spinning_stop: "1" } },
    logSeverityLevel: 3,
  };
  if (device !== "cpu") await tryDevice(loaded, device, options);
  return { name: `onnx-${device}`, device, runtimeVersion, open: () => openSession(loaded, options) };
}

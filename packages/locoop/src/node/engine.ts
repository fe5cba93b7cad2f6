import { availableParallelism } from "node:os";
import type { Engine } from "@locoop/clip";
import type { OnnxDevice } from "@locoop/clip/onnx";
import { tfjsEngine } from "@locoop/clip/tfjs";
import { type BackendName, readTensorflow, startBackend, TENSORFLOW_PACKAGES } from "./backends.js";
import { errorLine, UsageError } from "./errors.js";
import { runVersions, versionOf } from "./versions.js";

export type { OnnxDevice } from "@locoop/clip/onnx";
export type { BackendName } from "./backends.js";

/** Which engine runs the towers, decided: plain data, which travels to workers and into a run's record. */
export type EngineChoice =
  | {
      readonly engine: "onnx";
      readonly device: OnnxDevice;
      /** Cores that one run of a tower uses; by default as many as the runtime likes. */
      readonly threads?: number;
      /** The backend of TensorFlow.js for learner and loss; default "wasm". */
      readonly head?: BackendName;
    }
  | { readonly engine: "tfjs"; readonly backend: BackendName };

/** What may be asked for of an engine; whatever is left open becomes the fastest that is there. */
export interface EngineOptions {
  /** "onnx" (ONNX Runtime) or "tfjs" (TensorFlow.js); default: ONNX Runtime where `onnxruntime-node` is installed. */
  readonly engine?: "onnx" | "tfjs";
  /** What ONNX Runtime computes on; default "cpu". */
  readonly device?: OnnxDevice;
  /** TensorFlow.js instead, on this backend; with `engine: "onnx"`, "tensorflow" is what learner and loss compute on. Default "tensorflow" where it is installed, else "wasm". */
  readonly backend?: BackendName;
  /** Cores to use in all; default: all that there are. */
  readonly threads?: number;
}

/** An engine that starts, and what is to be said about it, a line each. */
export interface ResolvedEngine {
  readonly engine: EngineChoice;
  /** Cores to use in all. */
  readonly threads: number;
  readonly notices: readonly string[];
}

/** What computed a run: part of its record, and of what decides its bits. */
export interface EngineDescription {
  readonly engine: "onnxruntime" | "tensorflow.js";
  /** Of TensorFlow.js: it runs everything, or beside ONNX Runtime the learner and the loss. */
  readonly backend: BackendName;
  /** Of ONNX Runtime. */
  readonly device?: OnnxDevice;
  readonly versions: Readonly<Record<string, string>>;
  /** Of TensorFlow's library, from the environment. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Refuses options of an engine that contradict each other. */
export function checkEngineOptions({ engine, device, backend }: EngineOptions): void {
  if (device !== undefined && (engine === "tfjs" || (engine === undefined && backend !== undefined)))
    throw new UsageError(
      `--device ${device} is a device of ONNX Runtime, but ${engine === "tfjs" ? "--engine tfjs" : `--backend ${backend}`} asks for TensorFlow.js; leave one of the two out`,
    );
  if (engine === "onnx" && backend !== undefined && backend !== "tensorflow")
    throw new UsageError(
      `--backend ${backend} is a backend of TensorFlow.js, but --engine onnx asks for ONNX Runtime; leave one of the two out`,
    );
}

/** How engines are tried; tests put others here. */
export interface EngineProbes {
  /** Starts ONNX Runtime on a device and says its version, or throws one line. */
  startOnnx(device: OnnxDevice): Promise<string>;
  /** Starts a backend of TensorFlow.js in this thread, or throws one line. */
  startBackend(backend: BackendName): Promise<unknown>;
}

const probes: EngineProbes = {
  startOnnx: async (device) => (await openOnnx({ device })).runtimeVersion,
  startBackend,
};

/**
 * Decides which engine to compute with: the one that is asked for, else the fastest that starts here, in the order ONNX Runtime,
 * TensorFlow.js on tensorflow, on wasm, on cpu. Nothing that was asked for by name is replaced by something else.
 *
 * @throws UsageError for options that contradict each other; an Error of one line for an engine or device that is not there
 * @example
 * ```ts
 * import { tinyClipPaths } from "@locoop/tiny-clip";
 * import { closeModel, openModel, resolveEngine } from "locoop/node";
 *
 * const { engine, notices } = await resolveEngine({ backend: "wasm" });
 * const clip = await openModel({ weights: tinyClipPaths().weights, engine });
 * console.log(engine.engine, clip.config.imageSize); // → tfjs 64
 * console.log(notices.at(-1)); // engine: TensorFlow.js 4.22.0 on wasm, up to 2 workers
 * await closeModel();
 * ```
 */
export async function resolveEngine(options: EngineOptions = {}): Promise<ResolvedEngine> {
  const resolved = await resolveByProbes(options, probes);
  const cores = availableParallelism();
  if (resolved.threads <= cores) return resolved;
  const warning = `warning: ${resolved.threads} threads are more than the ${cores} ${cores === 1 ? "core" : "cores"} that there are, which can be many times slower; use --threads ${cores} or fewer`;
  return { ...resolved, notices: [warning, ...resolved.notices] };
}

/** What `resolveEngine` does, by other probes. */
export async function resolveByProbes(
  options: EngineOptions,
  { startOnnx, startBackend: start }: EngineProbes,
): Promise<ResolvedEngine> {
  checkEngineOptions(options);
  const { device = "cpu", backend, threads = availableParallelism() } = options;
  const wanted = options.engine ?? (options.device !== undefined ? "onnx" : backend !== undefined ? "tfjs" : undefined);
  const notices: string[] = [];
  if (wanted !== "tfjs") {
    const version = await startOnnx(device).catch((error: Error) => {
      if (wanted === "onnx") throw error;
      const line = errorLine(error).replace(/npm install \S+$/, "$& (with --global if locoop is installed so)");
      notices.push(`notice: ${line}; computing with TensorFlow.js, which is slower`);
    });
    if (version !== undefined) {
      if (backend !== undefined) await start(backend);
      const head = backend ?? (await firstBackend(["wasm", "cpu"], start, notices));
      const beside = head === "wasm" ? "" : `, learner and loss on TensorFlow.js ${head}`;
      notices.push(
        `engine: ONNX Runtime ${version} on ${device}, ${threads} thread${threads === 1 ? "" : "s"}${beside}`,
      );
      return { engine: { engine: "onnx", device, threads, head }, threads, notices };
    }
  }
  if (backend !== undefined) await start(backend);
  const found = backend ?? (await firstBackend(["tensorflow", "wasm", "cpu"], start, notices));
  const version = await versionOf("@tensorflow/tfjs");
  // TensorFlow's library decides itself how many cores it uses.
  const spread = found === "tensorflow" ? "" : threads === 1 ? ", 1 thread" : `, up to ${threads} workers`;
  notices.push(`engine: TensorFlow.js ${version} on ${found}${spread}`);
  return { engine: { engine: "tfjs", backend: found }, threads, notices };
}

async function firstBackend(
  names: readonly BackendName[],
  start: EngineProbes["startBackend"],
  notices: string[],
): Promise<BackendName> {
  for (const name of names.slice(0, -1)) {
    try {
      await start(name);
      return name;
    } catch (error) {
      // Most have no tensorflow, and need not hear of it.
      if ((error as Error).name !== "NotInstalledError") notices.push(`notice: ${(error as Error).message}`);
    }
  }
  const last = names.at(-1)!;
  await start(last);
  return last;
}

/** Starts an engine in this thread, and for learner and loss a backend of TensorFlow.js. */
export async function openEngine(choice: EngineChoice): Promise<Engine> {
  if (choice.engine === "onnx") {
    await startBackend(choice.head ?? "wasm");
    return openOnnx(choice);
  }
  return tfjsEngine({ tf: await startBackend(choice.backend) });
}

async function openOnnx({ device, threads }: { device: OnnxDevice; threads?: number }) {
  const { onnxEngine } = await import("@locoop/clip/onnx");
  return onnxEngine({ device, threads });
}

/** Reads what an engine is made of, without starting it; only TensorFlow's library is loaded, to ask for its version. */
export async function describeEngine(choice: EngineChoice): Promise<EngineDescription> {
  const onnx = choice.engine === "onnx";
  const backend = onnx ? (choice.head ?? "wasm") : choice.backend;
  const names = [
    ...(onnx ? ["onnxruntime-node"] : []),
    "@tensorflow/tfjs",
    ...(backend === "wasm" ? ["@tensorflow/tfjs-backend-wasm"] : []),
    ...(backend === "tensorflow" ? TENSORFLOW_PACKAGES : []),
  ];
  const versions: Record<string, string> = {};
  for (const name of names) {
    const version = await versionOf(name);
    if (version !== "not installed") versions[name] = version;
  }
  const library = backend === "tensorflow" ? await readTensorflow() : undefined;
  if (library) versions.tensorflow = library.version;
  return {
    engine: onnx ? "onnxruntime" : "tensorflow.js",
    backend,
    ...(onnx ? { device: choice.device } : {}),
    versions,
    ...(library && { settings: library.settings }),
  };
}

/** What a report says of where its numbers were computed; `more` comes before the platform. */
export async function describeEnvironment(
  choice: EngineChoice,
  more: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const { engine, device, backend, versions, settings } = await describeEngine(choice);
  return {
    ...versions,
    ...(await runVersions()),
    engine,
    ...(device === undefined ? {} : { device }),
    backend,
    ...settings,
    ...more,
    platform: `${process.platform} ${process.arch}`,
  };
}

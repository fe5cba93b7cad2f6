import { encodeModel } from "./encode.js";
import { createGraph } from "./graph.js";

/** A tensor of ONNX Runtime, as far as the engine looks. */
export interface OnnxTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** A compiled model of ONNX Runtime. */
export interface OnnxSession {
  /** Computes the outputs named in `fetches`, into the tensors given there where it can. */
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: Readonly<Record<string, OnnxTensor | null>>,
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
  /** Frees what was compiled. */
  release(): Promise<void>;
}

/** What `onnxruntime-node` and `onnxruntime-web` export, as far as the engine uses it. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    /** Compiles a model. */
    create(model: Uint8Array, options?: object): Promise<OnnxSession>;
  };
  readonly Tensor: new (
    type: "float32" | "uint8" | "int64",
    data: Float32Array | Uint8Array | BigInt64Array,
    dims: readonly number[],
  ) => OnnxTensor;
  readonly env: { readonly versions: object; logLevel?: string };
  /** Only onnxruntime-node says which devices it can use. */
  listSupportedBackends?(): readonly { readonly name: string }[];
}

/** Where ONNX Runtime computes: the processor everywhere, CUDA in Node, WebGPU in browsers. */
export type OnnxDevice = "cpu" | "cuda" | "webgpu";

/** The oldest runtime that has every operation which the graphs use. */
const leastVersion = [1, 24] as const;

/** Imports the runtime of this environment: onnxruntime-node in Node, else onnxruntime-web. */
export async function importRuntime(): Promise<OnnxRuntime> {
  const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;
  const name = inNode ? "onnxruntime-node" : "onnxruntime-web";
  try {
    // The first name is hidden from bundlers, which could not follow it; the second is for them to read.
    const loaded: object = inNode ? await import(/* @vite-ignore */ name) : await import("onnxruntime-web");
    const runtime = loaded as OnnxRuntime;
    runtime.env.logLevel = "fatal"; // errors are thrown; its log would repeat them on stderr
    return runtime;
  } catch (error) {
    const message = firstLine(error);
    throw new Error(
      (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND"
        ? `the ONNX engine needs ${name}, which is not installed: npm install ${name}`
        : `the ONNX engine needs ${name}, which does not load here: ${message}`,
      { cause: error },
    );
  }
}

/** Compiles and runs one addition on a device, which tells more than the runtime's list: throws one line where that fails. */
export async function tryDevice(runtime: OnnxRuntime, device: OnnxDevice, options: object): Promise<void> {
  const graph = createGraph({ prefix: "v" });
  const x = graph.input("x", "float32", [1]);
  const y = graph.node("Add", [x, x], { shape: [1], name: "y" });
  const { model } = encodeModel(graph.finish("try", [y]));
  try {
    const session = await runtime.InferenceSession.create(model, { ...options, logSeverityLevel: 4 });
    await session.run({ x: new runtime.Tensor("float32", Float32Array.of(1), [1]) }, { y: null });
    await session.release();
  } catch (error) {
    const why = firstLine(error).replace(/^.* was false\. /, "");
    throw new Error(`ONNX Runtime cannot compute on device ${device} here (${why}): ${adviceFor[device]}`, {
      cause: error,
    });
  }
}

const firstLine = (error: unknown): string => (error as Error).message.trim().split("\n")[0]!;

const adviceFor: Record<OnnxDevice, string> = {
  cpu: "install the onnxruntime package of this platform again",
  cuda: "it needs an NVIDIA GPU, CUDA 12 with cuDNN 9, and onnxruntime-node's CUDA files, which `node node_modules/onnxruntime-node/script/install --onnxruntime-node-install=cuda12` fetches; or use device cpu",
  webgpu: "it needs a GPU with a current driver (on Linux Vulkan, libvulkan1); or use device cpu",
};

/** The runtime's version; throws if it is older than the graphs need, or cannot compute on the device. */
export function checkRuntime(runtime: OnnxRuntime, device: OnnxDevice): string {
  const versions = runtime.env.versions as Readonly<Record<string, string | undefined>>;
  const version = versions["node"] ?? versions["web"] ?? versions["common"] ?? "0";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < leastVersion[0] || (major === leastVersion[0] && minor < leastVersion[1])) {
    throw new Error(
      `the ONNX engine needs ONNX Runtime ${leastVersion.join(".")} or newer, came ${version}: npm install onnxruntime-${versions["web"] === undefined ? "node" : "web"}@latest`,
    );
  }
  const devices = runtime.listSupportedBackends?.().map(({ name }) => name);
  if (devices !== undefined && !devices.includes(device)) {
    throw new Error(`ONNX Runtime ${version} has no device ${device} here: it has ${devices.join(", ")}`);
  }
  return version;
}

/** A tensor of ONNX Runtime, as far as the engine looks. */
export interface OnnxTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** A compiled model of ONNX Runtime. */
export interface OnnxSession {
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: Readonly<Record<string, OnnxTensor | null>>,
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** What `onnxruntime-node` and `onnxruntime-web` export, as far as the engine uses it. */
export interface OnnxRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<OnnxSession> };
  readonly Tensor: new (
    type: "float32" | "uint8" | "int64",
    data: Float32Array | Uint8Array | BigInt64Array,
    dims: readonly number[],
  ) => OnnxTensor;
  readonly env: { readonly versions: object };
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
    return loaded as OnnxRuntime;
  } catch (error) {
    const { message } = error as Error;
    throw new Error(
      (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND"
        ? `the ONNX engine needs ${name}, which is not installed: npm install ${name}`
        : `the ONNX engine needs ${name}, which does not load here: ${message}`,
      { cause: error },
    );
  }
}

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

// Our image tower's graph as files, and how long it takes ONNX Runtime to compile it from memory and from files.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadClip } from "@locoop/clip/node";
import { onnxEngine, type OnnxRuntime } from "@locoop/clip/onnx";
import * as ort from "onnxruntime-node";
import { timed } from "../timed.js";
import { servePeer } from "./peer.js";

/** What the engine gave ONNX Runtime: a model, and its weights by the names under which it asks for them. */
interface Captured {
  readonly model: Uint8Array;
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
  readonly options: object;
}

const runtime = ort as unknown as OnnxRuntime;
let captured: Captured | undefined;

/** onnxruntime-node, noting what it is asked to compile. */
const noting: OnnxRuntime = {
  Tensor: runtime.Tensor,
  env: runtime.env,
  listSupportedBackends: () => ort.listSupportedBackends(),
  InferenceSession: {
    create(model, given = {}) {
      const { externalData = [], ...options } = given as Partial<Captured>;
      captured = { model, externalData, options };
      return runtime.InferenceSession.create(model, given);
    },
  },
};

async function build(create: () => Promise<{ release(): Promise<void> }>): Promise<{ ms: number; cpu: number }> {
  const { result, time } = await timed(create);
  await result.release();
  return time;
}

await servePeer({
  /** Writes the graph for float pixels [B,S,S,3], without local features, to a folder. */
  async init({ weights, folder, threads }: { weights: string; folder: string; threads: number }) {
    const clip = await loadClip({
      path: weights,
      engine: await onnxEngine({ runtime: noting, threads }),
      activation: "quick_gelu",
    });
    const { imageSize } = clip.config;
    await clip.image.encode({ data: new Float32Array(3 * imageSize ** 2), shape: [1, 3, imageSize, imageSize] });
    const { model, externalData } = captured!;
    await mkdir(folder, { recursive: true });
    for (const weight of externalData) await writeFile(join(folder, weight.path), weight.data);
    await writeFile(join(folder, "vision_model.onnx"), model);
    return { ms: 0 };
  },
  from_memory() {
    const { model, externalData, options } = captured!;
    return build(() => runtime.InferenceSession.create(model, { ...options, externalData }));
  },
  from_file({ folder }: { folder: string }) {
    return build(() => ort.InferenceSession.create(join(folder, "vision_model.onnx"), captured!.options));
  },
});

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, type Clip, type Engine, type Floats } from "@locoop/clip";
import { loadClip } from "@locoop/clip/node";
import { onnxEngine, type OnnxRuntime } from "@locoop/clip/onnx";
import { tfjsEngine } from "@locoop/clip/tfjs";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import * as ort from "onnxruntime-node";

/** A graph as the engine gave it to ONNX Runtime: the model, and its weights by the name under which it asks for them. */
interface Captured {
  readonly model: Uint8Array;
  readonly weights: readonly { readonly path: string; readonly data: Uint8Array }[];
  readonly options: object;
  readonly ms: number;
}

/** Our CLIP on the engine under test, and what the operations share. */
export interface Ours {
  readonly clip: Clip;
  readonly engine: string;
  readonly tensors: ReadonlyMap<string, Floats>;
  /** Writes the image tower's graph for float pixels [B,S,S,3], without local features, where ONNX Runtime finds it. */
  exportGraph(folder: string): Promise<object>;
  /** How long the engine's compiling of that graph took, and the runtime's loading of the exported file. */
  timeBuild(folder: string): Promise<object>;
}

/** Opens the formula weights on an engine; the head runs on wasm. */
export async function openOurs({
  weights,
  inputs,
  threads,
  engine: name,
}: {
  weights: string;
  inputs: string;
  threads: number;
  engine: "onnx" | "wasm";
}): Promise<Ours> {
  tf.enableProdMode();
  await tf.setBackend("wasm");
  await tf.ready();
  const captured: Captured[] = [];
  const engine: Engine =
    name === "wasm" ? tfjsEngine({ tf }) : await onnxEngine({ runtime: capturing(captured), threads });
  const clip = await loadClip({ path: weights, engine, activation: "quick_gelu" });
  const { tensors } = readSafetensors(await readFile(inputs));

  const floatGraph = async (): Promise<Captured> => {
    const { imageSize } = clip.config;
    const before = captured.length;
    await clip.image.encode({ data: new Float32Array(3 * imageSize ** 2), shape: [1, 3, imageSize, imageSize] });
    const found = captured[before] ?? captured.find(({ ms }) => ms === kept?.ms);
    if (found === undefined) throw new Error("expected a graph to be compiled: only the onnx engine has one");
    return (kept = found);
  };
  let kept: Captured | undefined;

  return {
    clip,
    engine: engine.name,
    tensors: tensors as ReadonlyMap<string, Floats>,
    async exportGraph(folder) {
      const { model, weights: data } = await floatGraph();
      await mkdir(folder, { recursive: true });
      for (const weight of data) await writeFile(join(folder, weight.path), weight.data);
      await writeFile(join(folder, "vision_model.onnx"), model);
      return { ms: 0 };
    },
    async timeBuild(folder) {
      const { model, weights: data, options } = await floatGraph();
      const time = async (make: () => Promise<{ release(): Promise<void> }>): Promise<number> => {
        const start = performance.now();
        const session = await make();
        const ms = performance.now() - start;
        await session.release();
        return ms;
      };
      const runtime = ort as unknown as OnnxRuntime;
      const ms = await time(() => runtime.InferenceSession.create(model, { ...options, externalData: data }));
      const path = join(folder, "vision_model.onnx");
      const fromFile = await time(() => ort.InferenceSession.create(path, options));
      return { ms, fromFile };
    },
  };
}

/** onnxruntime-node, noting what it is asked to compile. */
function capturing(captured: Captured[]): OnnxRuntime {
  const runtime = ort as unknown as OnnxRuntime;
  return {
    Tensor: runtime.Tensor,
    env: runtime.env,
    listSupportedBackends: () => ort.listSupportedBackends(),
    InferenceSession: {
      async create(model, given = {}) {
        const start = performance.now();
        const session = await runtime.InferenceSession.create(model, given);
        const { externalData = [], ...options } = given as { externalData?: Captured["weights"] };
        captured.push({ model, weights: externalData, options, ms: performance.now() - start });
        return session;
      },
    },
  };
}

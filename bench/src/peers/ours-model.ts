import { readFile } from "node:fs/promises";
import { readSafetensors, type Clip, type Floats } from "@locoop/clip";
import { createWorkshop, openModel, type Workshop } from "locoop/node";

/** Our CLIP on the engine under test, as the command line opens it, and what the operations share. */
export interface Ours {
  readonly clip: Clip;
  /** Decodes and encodes picture files. */
  readonly workshop: Workshop;
  readonly tensors: ReadonlyMap<string, Floats>;
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
  const engine =
    name === "onnx"
      ? ({ engine: "onnx", device: "cpu", threads, head: "wasm" } as const)
      : ({ engine: "tfjs", backend: "wasm" } as const);
  const model = { weights, engine, activation: "quick_gelu" } as const;
  const clip = await openModel(model);
  const { tensors } = readSafetensors(await readFile(inputs));
  return {
    clip,
    workshop: createWorkshop({ model, threads }),
    tensors: tensors as ReadonlyMap<string, Floats>,
  };
}

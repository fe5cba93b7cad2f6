import type { Floats } from "../floats.js";
import type { ByteSource } from "./byte-source.js";
import { detectFileKind } from "./file-kind.js";
import { nameError } from "./named-error.js";
import { parseSafetensorsHeader, readHeaderSize } from "./safetensors-header.js";
import { stateDictOf } from "./state-dict.js";
import { decodeTensor, type IntTensor } from "./tensor-data.js";
import { openTorchArchive } from "./torch-archive.js";

/** The tensors of a file, which are read one by one. */
export interface TensorFile {
  readonly format: "safetensors" | "torch.save" | "torchscript";
  /** What the file says about each tensor, by its name: type (`F32`, `F16`, `BF16`, `I64` ...) and shape. */
  readonly entries: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  /** Metadata of safetensors; empty otherwise. */
  readonly metadata: Readonly<Record<string, string>>;
  /** One tensor, widened to float32 or int32, row-major, memory of its own. */
  read(name: string): Promise<Floats | IntTensor>;
}

/**
 * Opens a file of tensors, told by its content and not by its name: safetensors, what `torch.save` wrote, or a TorchScript
 * archive as OpenAI ships CLIP. Nothing in it is executed, every size is checked against the file before memory is taken, and
 * only what is asked for is read. Throws one line that begins with the source's name, says what the file is and what to do.
 *
 * @example
 * ```ts
 * import { bytesSource, openTensorFile, writeSafetensors } from "@locoop/clip";
 *
 * const bytes = writeSafetensors({ context: { data: new Float32Array(8), shape: [2, 4] } });
 * const file = await openTensorFile(bytesSource(bytes));
 * console.log(file.format, [...file.entries.keys()], (await file.read("context")).shape); // → safetensors context 2,4
 * ```
 */
export async function openTensorFile(source: ByteSource): Promise<TensorFile> {
  try {
    const found = await detectFileKind(source);
    if (found.kind === "other") throw new Error(found.advice);
    return await (found.kind === "zip" ? openTorchFile(source) : openSafetensors(source));
  } catch (error) {
    throw nameError(source.name, error);
  }
}

async function openSafetensors(source: ByteSource): Promise<TensorFile> {
  const headerSize = readHeaderSize(await source.read(0, Math.min(8, source.size)), source.size);
  const header = parseSafetensorsHeader(await source.read(8, headerSize), source.size);
  const entries = new Map(header.entries.map((entry) => [entry.name, entry]));
  return {
    format: "safetensors",
    entries,
    metadata: header.metadata,
    async read(name) {
      const entry = entries.get(name);
      if (!entry) throw missing(source.name, name);
      const bytes = await source.read(header.dataStart + entry.begin, entry.end - entry.begin);
      return decodeTensor(entry, bytes);
    },
  };
}

async function openTorchFile(source: ByteSource): Promise<TensorFile> {
  const archive = await openTorchArchive(source);
  const entries = stateDictOf(archive);
  return {
    format: archive.kind,
    entries,
    metadata: {},
    async read(name) {
      const tensor = entries.get(name);
      if (!tensor) throw missing(source.name, name);
      return archive.readTensor(tensor);
    },
  };
}

function missing(file: string, name: string): Error {
  return new Error(`${file}: has no tensor "${name}"`);
}

import { open, readdir, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Floats } from "../floats.js";
import { toOpenAiNames } from "../weights/names.js";
import type { WeightMap } from "../weights/names.js";
import { parseSafetensorsHeader, readHeaderSize } from "../weights/safetensors-header.js";
import { decodeTensor, type IntTensor } from "../weights/tensor-data.js";
import { readModelConfig } from "./model-config.js";
import type { ModelConfig } from "./model-config.js";

/** Weights under OpenAI's names, what the model's configuration file says beside them, and what is worth telling. */
export interface LoadedWeights {
  readonly weights: WeightMap;
  readonly config?: ModelConfig;
  readonly notices: readonly string[];
}

const modelFiles = ["model.safetensors", "open_clip_model.safetensors"];
const largestRead = 2 ** 30; // Node reads less than 2 GiB at once

/**
 * Loads a CLIP's weights from a safetensors file, or from a folder as Hugging Face keeps models (`model.safetensors` or
 * `open_clip_model.safetensors`, with `config.json`), in OpenAI's, open_clip's or Hugging Face's names. Files of any size are
 * read tensor by tensor. Throws one line that begins with the path: no such file, damaged, a PyTorch file, not a CLIP.
 *
 * @example
 * ```ts
 * import { loadWeights } from "@locoop/clip/node";
 *
 * try {
 *   const { weights } = await loadWeights("models/clip-vit-base-patch16");
 *   console.log(weights.get("visual.conv1.weight")?.shape);
 * } catch (error) {
 *   console.log((error as Error).message); // models/clip-vit-base-patch16: there is no such file or folder; ...
 * }
 * ```
 */
export async function loadWeights(path: string): Promise<LoadedWeights> {
  try {
    const file = await findFile(path);
    const { config, notices } = modelFiles.includes(basename(file))
      ? await readModelConfig(dirname(file))
      : { config: undefined, notices: [] };
    return { weights: toOpenAiNames(await readTensors(file)), config, notices };
  } catch (error) {
    const message = (error as Error).message.replace(/\s+/g, " ");
    throw new Error(`${path}: ${message}`, { cause: error });
  }
}

async function findFile(path: string): Promise<string> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
    throw new Error("there is no such file or folder; expected a .safetensors file or a folder with model.safetensors");
  });
  if (!found.isDirectory()) return path;
  const names = await readdir(path);
  const named = modelFiles.find((name) => names.includes(name));
  if (named) return join(path, named);
  if (names.includes("model.safetensors.index.json")) {
    throw new Error("the weights are split into several files, which is not read; save them as one model.safetensors");
  }
  const [only, ...more] = names.filter((name) => name.endsWith(".safetensors"));
  if (only && more.length === 0) return join(path, only);
  throw new Error(`the folder has ${only ? "several" : "no"} .safetensors files; expected ${modelFiles.join(" or ")}`);
}

async function readTensors(file: string): Promise<Map<string, Floats | IntTensor>> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    const start = await readBytes(handle, 0, Math.min(8, size));
    refusePyTorch(file, start);
    const headerSize = readHeaderSize(start, size);
    const header = parseSafetensorsHeader(await readBytes(handle, 8, headerSize), size);
    const tensors = new Map<string, Floats | IntTensor>();
    for (const entry of header.entries) {
      const bytes = await readBytes(handle, header.dataStart + entry.begin, entry.end - entry.begin);
      tensors.set(entry.name, decodeTensor(entry, bytes));
    }
    return tensors;
  } finally {
    await handle.close();
  }
}

/** PyTorch's files are zip archives, or pickles in old ones. */
function refusePyTorch(file: string, start: Uint8Array): void {
  const isZip = start[0] === 0x50 && start[1] === 0x4b;
  if (isZip || /\.(pt|pth|bin|ckpt)$/.test(file) || /\.(pth|pt)\.tar(-\d+)?$/.test(file)) {
    throw new Error(
      "PyTorch files are not supported yet; convert it with the Python package safetensors (safetensors.torch.save_file of its state dict)",
    );
  }
}

async function readBytes(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(largestRead, length - done), position + done);
    if (bytesRead === 0) throw new Error("the file became shorter while it was read; try again");
    done += bytesRead;
  }
  return bytes;
}

import { inferConfig } from "../config.js";
import type { Floats } from "../floats.js";
import type { ByteSource } from "./byte-source.js";
import { readModelConfig, type ModelConfig } from "./model-config.js";
import { asModelFiles, chooseModelFiles, configFiles, type ModelFiles } from "./model-files.js";
import { buildWeight, planWeights, type WeightMap } from "./names.js";
import { nameError } from "./named-error.js";
import { openTensorFile, type TensorFile } from "./tensor-file.js";
import { joinTensorFiles, parseTensorIndex } from "./tensor-index.js";

/** Weights under OpenAI's names, what the model's configuration file says beside them, and what is worth telling. */
export interface LoadedWeights {
  readonly weights: WeightMap;
  readonly config?: ModelConfig;
  readonly notices: readonly string[];
}

const largestText = 2 ** 26; // an index or a configuration

/**
 * Reads a CLIP's weights from files that a user picked or that were downloaded, in a browser as in Node: one file of weights, or the files of
 * a model's folder (Hugging Face's or open_clip's, with the index of its parts and its configuration among them; others are not looked at).
 * Formats are told by content, names may be OpenAI's, open_clip's or Hugging Face's; one tensor is read at a time. Throws
 * one line that begins with the file's name: what it is if no weights, damaged, not a CLIP, or which weights are missing, misshapen or too many.
 *
 * @example
 * ```ts
 * import { blobSource, readWeights, writeSafetensors } from "@locoop/clip";
 *
 * const file = new File([writeSafetensors({ ctx: { data: new Float32Array(8), shape: [2, 4] } })], "prompt.safetensors"); // as a user picks one
 * try {
 *   const { weights } = await readWeights(blobSource(file));
 *   console.log(weights.get("visual.conv1.weight")?.shape);
 * } catch (error) {
 *   console.log((error as Error).message.slice(0, 44)); // → prompt.safetensors: this is a learned prompt
 * }
 * ```
 */
export async function readWeights(source: ByteSource | readonly ByteSource[]): Promise<LoadedWeights> {
  const sources = "read" in source ? [source] : source;
  const [first] = sources;
  if (!first) throw new Error("expected at least one file of weights, came none");
  const files = new Map(sources.map((file) => [baseName(file.name), file]));
  if (files.size < sources.length) throw new Error("expected files of different names, came two of one name");
  const open = async (name: string): Promise<ByteSource> => {
    const file = files.get(name);
    if (!file) throw new Error(`${name}: is not among the files that were given; give all files that the index names`);
    return file;
  };
  const chosen = sources.length === 1 ? asModelFiles(baseName(first.name)) : choose([...files.keys()]);
  const weights = await readModelWeights(chosen, open);
  const told = await readModelConfig(async (name) => {
    const file = files.get(name);
    return file && readText(file);
  });
  return { weights, ...told };
}

/** The files of one model that a user picked; a single one beside configuration files is the weights whatever its name. */
function choose(names: readonly string[]): ModelFiles {
  const known: readonly string[] = configFiles;
  const [only, ...more] = names.filter((name) => !known.includes(name));
  return only !== undefined && more.length === 0 ? asModelFiles(only) : chooseModelFiles(names);
}

/**
 * The weights of a model's file, or of all files that its index names, under OpenAI's names. Whether they are a CLIP's is
 * checked by names and shapes before any tensor is read.
 */
export async function readModelWeights(
  files: ModelFiles,
  open: (name: string) => Promise<ByteSource>,
): Promise<WeightMap> {
  const main = await open(files.index ?? files.file);
  try {
    const tensors = files.index === undefined ? await openTensorFile(main) : await openShards(main, open);
    const plan = planWeights(tensors.entries);
    inferConfig(new Map(plan.map((part) => [part.name, part])));
    const weights = new Map<string, Floats>();
    for (const part of plan) {
      const parts: Awaited<ReturnType<TensorFile["read"]>>[] = [];
      for (const name of part.from) parts.push(await tensors.read(name));
      weights.set(part.name, buildWeight(part, parts));
    }
    return weights;
  } catch (error) {
    throw nameError(main.name, error);
  }
}

async function openShards(
  main: ByteSource,
  open: (name: string) => Promise<ByteSource>,
): Promise<Pick<TensorFile, "entries" | "read">> {
  const index = parseTensorIndex(await readText(main));
  const files = new Map<string, TensorFile>();
  for (const shard of index.shards) files.set(shard, await openTensorFile(await open(shard)));
  return joinTensorFiles(files, index);
}

/** The text of a small file. */
async function readText(source: ByteSource): Promise<string> {
  if (source.size > largestText) {
    throw new Error(
      `${source.name}: has ${source.size} bytes, at most ${largestText} are read as text; is it the right file?`,
    );
  }
  return new TextDecoder().decode(await source.read(0, source.size));
}

function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

import { createClip, type Clip } from "./clip.js";
import { inferConfig, type Activation } from "./config.js";
import type { Engine } from "./engines/engine.js";
import { createTokenizer, type Tokenizer } from "./tokenizer.js";
import type { ByteSource } from "./weights/byte-source.js";
import { nameError } from "./weights/named-error.js";
import { readWeights, type LoadedWeights } from "./weights/read-weights.js";

const bytesAndMarks = 514; // 256 bytes, inside and at the end of a word, start and end
const smallTable = 2500;
const wholeTable = 48_894;

/** How a CLIP is made of weights: its engine, and what the files do not say or what shall not count. */
export interface ClipOptions {
  readonly engine: Engine;
  /** Before what the configuration beside the weights says; without either, QuickGELU, with a notice. */
  readonly activation?: Activation;
  /** In place of CLIP's own of as many tokens as the weights embed. */
  readonly tokenizer?: Tokenizer;
  /** Bytes that the towers may hold beside the weights. */
  readonly memoryLimit?: number;
}

/**
 * Makes a CLIP of files that a user picked or that were downloaded, in a browser as in Node, with the tokenizer that its count of token
 * embeddings asks for: `readWeights`, `inferConfig`, `createTokenizer` and `createClip` in one. `files` is one file of weights (OpenAI's
 * `.pt`, `torch.save`, safetensors), or those of a model's folder. Throws one line that begins with the file's name. The caller disposes of the CLIP.
 *
 * @example
 * ```ts
 * import { blobSource, readClip, type Engine } from "@locoop/clip";
 *
 * // From <input type="file" multiple>: ViT-B-16.pt alone, or model.safetensors with config.json.
 * async function clipOf(input: { files: Iterable<File> }, engine: Engine) {
 *   return readClip({ files: Array.from(input.files, (file) => blobSource(file)), engine });
 * }
 * ```
 */
export async function readClip({
  files,
  ...options
}: ClipOptions & { files: ByteSource | readonly ByteSource[] }): Promise<Clip> {
  const name = "read" in files ? files.name : (files[0]?.name ?? "no file");
  return clipOf(await readWeights(files), { name, ...options });
}

/** Joins weights that were read to a CLIP; `name` is what messages call them. */
export async function clipOf(
  { weights, config: said, notices }: LoadedWeights,
  { name, engine, activation, tokenizer, memoryLimit }: ClipOptions & { name: string },
): Promise<Clip> {
  try {
    const { config, notices: assumed } = inferConfig(weights, { ...said, activation: activation ?? said?.activation });
    const clip = createClip({
      weights,
      engine,
      config,
      memoryLimit,
      tokenizer: tokenizer ?? (await tokenizerFor(config.text.vocabSize)),
    });
    return { ...clip, notices: [...notices, ...assumed, ...clip.notices] };
  } catch (error) {
    throw nameError(name, error);
  }
}

async function tokenizerFor(rows: number): Promise<Tokenizer> {
  const count = rows - bytesAndMarks;
  if (count < 0 || count > wholeTable) {
    throw new Error(
      `the text tower knows ${rows} tokens, expected ${bytesAndMarks} to ${bytesAndMarks + wholeTable}: it does not use CLIP's tokenizer; pass its own`,
    );
  }
  const { merges } = count <= smallTable ? await import("./merges-small.js") : await import("./merges.js");
  return createTokenizer({ merges, count });
}

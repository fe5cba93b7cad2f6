import { createClip } from "../clip.js";
import type { Clip } from "../clip.js";
import { inferConfig } from "../config.js";
import type { Activation } from "../config.js";
import type { Engine } from "../engines/engine.js";
import { createTokenizer } from "../tokenizer.js";
import type { Tokenizer } from "../tokenizer.js";
import { loadWeights } from "./load-weights.js";

const bytesAndMarks = 514; // 256 bytes, inside and at the end of a word, start and end
const smallTable = 2500;
const wholeTable = 48_894;

/**
 * Loads a CLIP from a safetensors file or a model folder, with the tokenizer that its count of token embeddings asks for.
 * The activation is `activation`, else what a `config.json` beside the weights says, else QuickGELU, with a notice.
 * Throws one line: no such file, damaged, not a CLIP, a text vocabulary that is not CLIP's. The caller disposes of the CLIP.
 *
 * @example
 * ```ts
 * import { loadClip } from "@locoop/clip/node";
 * import { tfjsEngine } from "@locoop/clip/tfjs";
 * import * as tf from "@tensorflow/tfjs";
 *
 * try {
 *   const clip = await loadClip({ path: "models/ViT-B-16.safetensors", engine: tfjsEngine({ tf }) });
 *   console.log(clip.config.imageSize, clip.notices);
 *   clip.dispose();
 * } catch (error) {
 *   console.log((error as Error).message); // models/ViT-B-16.safetensors: there is no such file or folder; ...
 * }
 * ```
 */
export async function loadClip({
  path,
  engine,
  activation,
  tokenizer,
  memoryLimit,
}: {
  path: string;
  engine: Engine;
  activation?: Activation;
  tokenizer?: Tokenizer;
  memoryLimit?: number;
}): Promise<Clip> {
  const { weights, config: said, notices } = await loadWeights(path);
  const { config, notices: assumed } = inferConfig(weights, { ...said, activation: activation ?? said?.activation });
  const clip = createClip({
    weights,
    engine,
    config,
    memoryLimit,
    tokenizer: tokenizer ?? (await tokenizerFor(path, config.text.vocabSize)),
  });
  return { ...clip, notices: [...notices, ...assumed, ...clip.notices] };
}

async function tokenizerFor(path: string, rows: number): Promise<Tokenizer> {
  const count = rows - bytesAndMarks;
  if (count < 0 || count > wholeTable) {
    throw new Error(
      `${path}: the text tower knows ${rows} tokens, expected ${bytesAndMarks} to ${bytesAndMarks + wholeTable}: it does not use CLIP's tokenizer; pass its own`,
    );
  }
  const { merges } = count <= smallTable ? await import("../merges-small.js") : await import("../merges.js");
  return createTokenizer({ merges, count });
}

import { checkWeights, inferConfig, type ClipConfig } from "./config.js";
import type { Engine } from "./engines/engine.js";
import type { Floats } from "./floats.js";
import type { Tokenizer } from "./tokenizer.js";
import { createSimilarity } from "./towers/comparison.js";
import type { ImageTower, PromptBatch, Similarity, TextTower } from "./towers/contracts.js";
import { createImageTower } from "./towers/image-tower.js";
import { pick } from "./towers/layers.js";
import { createTextTower } from "./towers/text-tower.js";
import type { WeightMap } from "./weights/names.js";

/** A CLIP ready to encode: both towers in one engine, its tokenizer and what to know about it. */
export interface Clip {
  readonly config: ClipConfig;
  /** What cosines are multiplied by: exp of the weights' `logit_scale`. */
  readonly logitScale: number;
  readonly tokenizer: Tokenizer;
  readonly image: ImageTower;
  readonly text: TextTower;
  /** Cosines of what the towers encoded, in the same engine. */
  readonly similarity: Similarity;
  /** Rows of the token embedding, without positions: [L,D]. */
  embedTokens(ids: ArrayLike<number>): Floats;
  /** Text features [C,E], not normalised. */
  encodeText(texts: readonly string[]): Promise<Floats>;
  /** What had to be assumed about the weights. */
  readonly notices: readonly string[];
  /** Releases what the engine holds for this model. */
  dispose(): void;
}

/**
 * Joins weights, engine and tokenizer to a CLIP. Towers stay under `memoryLimit` bytes (default 2 GiB) beside their
 * weights by working in parts, which does not change results. Throws where weights, config and tokenizer do not fit together.
 *
 * @example
 * ```ts
 * import { createClip, type Engine, type Tokenizer, type WeightMap } from "@locoop/clip";
 *
 * async function describe(weights: WeightMap, engine: Engine, tokenizer: Tokenizer) {
 *   const clip = createClip({ weights, engine, tokenizer });
 *   const features = await clip.encodeText(["a photo of a cat.", "a photo of a dog."]);
 *   clip.dispose();
 *   return features; // [2, E]
 * }
 * ```
 */
export function createClip({
  weights,
  engine,
  config: given,
  tokenizer,
  memoryLimit = 2 * 1024 ** 3,
}: {
  weights: WeightMap;
  engine: Engine;
  config?: ClipConfig;
  tokenizer: Tokenizer;
  memoryLimit?: number;
}): Clip {
  const { config, notices } = given === undefined ? inferConfig(weights) : { config: given, notices: [] };
  if (given !== undefined) checkWeights(weights, given);
  if (tokenizer.vocabSize !== config.text.vocabSize) {
    throw new Error(
      `expected a tokenizer of ${config.text.vocabSize} tokens, as the weights embed, came one of ${tokenizer.vocabSize}: use the first ${config.text.vocabSize - 514} merges`,
    );
  }
  const session = engine.open();
  const parts = { session, weights, config, memoryLimit };
  const table = pick(weights, "token_embedding.weight");
  const { width, contextLength, vocabSize } = config.text;
  const text = createTextTower(parts);

  const embedTokens = (ids: ArrayLike<number>): Floats => {
    const data = new Float32Array(ids.length * width);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (!(id >= 0 && id < vocabSize)) throw new Error(`expected token ids from 0 to ${vocabSize - 1}, came ${id}`);
      data.set(table.data.subarray(id * width, (id + 1) * width), i * width);
    }
    return { data, shape: [ids.length, width] };
  };

  return {
    config,
    logitScale: Math.exp(pick(weights, "logit_scale").data[0]!),
    tokenizer,
    image: createImageTower(parts),
    text,
    similarity: createSimilarity({ session }),
    embedTokens,
    async encodeText(texts) {
      if (texts.length === 0) return { data: new Float32Array(0), shape: [0, config.embedDim] };
      const rows = texts.map((line) => tokenizer.tokenize(line, { contextLength }));
      const encoded = await text.encode(shareBeginning(rows, embedTokens, tokenizer.endToken), { gradient: false });
      encoded.dispose();
      return encoded.features;
    },
    notices,
    dispose: () => session.dispose(),
  };
}

/** Token rows as a prompt batch: what all begin with is shared, the rest is cut after the longest one's end token. */
function shareBeginning(
  rows: readonly Int32Array[],
  embedTokens: (ids: ArrayLike<number>) => Floats,
  endToken: number,
): PromptBatch<Floats> {
  // The first end token ends a text: the reference takes the first maximum of the ids, and the end token is the largest.
  const ends = rows.map((row) => row.indexOf(endToken));
  const first = rows[0]!;
  let shared = 0;
  while (rows.every((row, i) => shared < ends[i]! && row[shared] === first[shared])) shared++;
  const length = Math.max(...ends) + 1 - shared;
  const ids = new Int32Array(rows.length * length);
  rows.forEach((row, i) => ids.set(row.subarray(shared, Math.min(shared + length, row.length)), i * length));
  const { data, shape } = embedTokens(ids);
  return {
    shared: embedTokens(first.subarray(0, shared)),
    own: { data, shape: [rows.length, length, shape[1]!] },
    end: Int32Array.from(ends, (end) => end - shared),
  };
}

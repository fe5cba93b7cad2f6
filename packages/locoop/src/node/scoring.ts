import type { Clip, Floats, ImageFeatures } from "@locoop/clip";
import type { Matches } from "@locoop/ood-metrics";
import { mostSimilar } from "../detector.js";
import { unreadableReason } from "./data.js";
import type { Decoder } from "./decoder.js";
import type { PictureRequest } from "./features.js";
import { encodeChunks } from "./features.js";
import { ensureFiniteFeatures } from "./finite.js";
import { callScore } from "./float16-scores.js";
import type { AnyScore, ScoreChoice } from "./plugins.js";
import { loadScores } from "./plugins.js";

/** What one set of class features says about one picture. */
export interface Judgement {
  /** Index of the most similar class. */
  readonly prediction: number;
  /** Its softmax probability under the model's logit scale. */
  readonly confidence: number;
  /** One value per score asked for, higher = more in-distribution. */
  readonly scores: readonly number[];
}

/** One scored picture: a judgement per set of class features, or why it could not be read. */
export interface ScoredPicture {
  readonly path: string;
  readonly error?: string;
  readonly judgements: readonly Judgement[];
}

/** Scores pictures against one or more sets of class features in a single pass: each picture is encoded once, chunk by chunk. */
export async function scorePictures(
  clip: Clip,
  paths: readonly string[],
  {
    classFeatures,
    scores: choices,
    signal,
    decoder,
    onProgress,
  }: {
    classFeatures: readonly Floats[];
    scores: readonly ScoreChoice[];
    signal?: AbortSignal;
    decoder?: Decoder;
    onProgress?: (done: number) => void;
  },
): Promise<ScoredPicture[]> {
  const scores = await loadScores(choices);
  const local = scores.some((score) => score.local);
  const requests: PictureRequest[] = paths.map((path) => ({ path }));
  const out: ScoredPicture[] = paths.map((path) => ({ path, judgements: [] }));
  for await (const { features, good, errors, done } of encodeChunks(clip, requests, { local, signal, decoder })) {
    for (const { index, error } of errors)
      out[index] = { path: paths[index]!, error: unreadableReason(error), judgements: [] };
    if (good.length > 0) {
      ensureFiniteFeatures(features, (row) => paths[good[row]!]!);
      const perSet = await judgeFeatures(features, classFeatures, { scores, clip });
      good.forEach(
        (index, row) => (out[index] = { path: paths[index]!, judgements: perSet.map((list) => list[row]!) }),
      );
    }
    onProgress?.(done);
  }
  return out;
}

/** Judges pictures by their features, without encoding anything: one list of judgements per set of class features. */
export async function judgeFeatures(
  { global, local }: ImageFeatures,
  classFeatures: readonly Floats[],
  { scores, clip }: { scores: readonly AnyScore[]; clip: Pick<Clip, "similarity" | "logitScale"> },
): Promise<Judgement[][]> {
  const images: ImageFeatures = {
    global,
    local: scores.some((score) => score.local) ? local : undefined,
  };
  const judged: Judgement[][] = [];
  for (const classes of classFeatures) {
    const compared = await clip.similarity.compare(images, classes, { gradient: false });
    const matches: Matches = {
      global: compared.global.data,
      local: compared.local?.data,
      classes: classes.shape[0]!,
      regions: compared.local?.shape[1],
    };
    compared.dispose();
    const values = scores.map((score) => callScore(score, matches, clip.logitScale));
    judged.push(
      Array.from({ length: global.shape[0]! }, (_, row) => {
        const cosines = matches.global.subarray(row * matches.classes, (row + 1) * matches.classes);
        const { label, confidence } = mostSimilar(cosines, clip.logitScale);
        return { prediction: label, confidence, scores: values.map((list) => list[row]!) };
      }),
    );
  }
  return judged;
}

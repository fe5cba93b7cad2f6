import type { Clip, Floats, ImageFeatures } from "@locoop/clip";
import { cosines } from "@locoop/clip";
import { mostSimilar } from "../detector.js";
import type { PictureRequest } from "./features.js";
import { encodeChunks } from "./features.js";
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
    onProgress,
  }: {
    classFeatures: readonly Floats[];
    scores: readonly ScoreChoice[];
    signal?: AbortSignal;
    onProgress?: (done: number) => void;
  },
): Promise<ScoredPicture[]> {
  const scores = await loadScores(choices);
  const local = scores.some((score) => score.local);
  const requests: PictureRequest[] = paths.map((path) => ({ path }));
  const out: ScoredPicture[] = paths.map((path) => ({ path, judgements: [] }));
  for await (const { features, good, errors, done } of encodeChunks(clip, requests, { local, signal })) {
    for (const { index, error } of errors) out[index] = { path: paths[index]!, error: error.message, judgements: [] };
    if (good.length > 0) {
      const perSet = classFeatures.map((classes) =>
        judgeFeatures(features, classes, { scores, logitScale: clip.logitScale }),
      );
      good.forEach(
        (index, row) => (out[index] = { path: paths[index]!, judgements: perSet.map((list) => list[row]!) }),
      );
    }
    onProgress?.(done);
  }
  return out;
}

/** Judges pictures by their features, without encoding anything. */
export function judgeFeatures(
  features: ImageFeatures,
  classes: Floats,
  { scores, logitScale }: { scores: readonly AnyScore[]; logitScale: number },
): Judgement[] {
  const matches = cosines(features, classes);
  const values = scores.map((score) => score(matches));
  return Array.from({ length: features.global.shape[0]! }, (_, row) => ({
    ...judge(matches.global.subarray(row * matches.classes, (row + 1) * matches.classes), logitScale),
    scores: values.map((list) => list[row]!),
  }));
}

function judge(row: Float32Array, logitScale: number): { prediction: number; confidence: number } {
  const { label, confidence } = mostSimilar(row, logitScale);
  return { prediction: label, confidence };
}

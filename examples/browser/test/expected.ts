// What the library says in Node, on the same backend: what the page must say, too.
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { cosines, preprocess, type Clip } from "@locoop/clip";
import { loadClip, readImage } from "@locoop/clip/node";
import { tfjsEngine } from "@locoop/clip/tfjs";
import { glmcm, mcm } from "@locoop/ood-metrics";
import { tinyClipPaths, tinyClipTemplate } from "@locoop/tiny-clip";
import { zeroShotFeatures } from "locoop/node";

/** The embedded model in Node. */
export async function openTinyClip(): Promise<Clip> {
  await tf.setBackend("wasm");
  return loadClip({ path: tinyClipPaths().weights, engine: tfjsEngine({ tf }) });
}

/** Scores of picture files with words as the prompt. */
export async function scoreFiles(clip: Clip, paths: readonly string[], classNames: readonly string[]) {
  const classFeatures = await zeroShotFeatures(clip, classNames, tinyClipTemplate);
  const scored: { mcm: number; glmcm: number; label: number; confidence: number }[] = [];
  for (const path of paths) {
    const data = preprocess(await readImage(path), clip.config.imageSize);
    const matches = cosines(await clip.image.encode({ data, batch: 1 }, { local: true }), classFeatures);
    const row = [...matches.global].map((cosine) => clip.logitScale * cosine);
    const label = row.indexOf(Math.max(...row));
    const confidence = 1 / row.reduce((sum, logit) => sum + Math.exp(logit - row[label]!), 0);
    scored.push({ mcm: mcm(matches)[0]!, glmcm: glmcm(matches)[0]!, label, confidence });
  }
  return scored;
}

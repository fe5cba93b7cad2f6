// A detector for pictures of your own, from the libraries alone (`locoop train` and `locoop detect` do this and more):
//   node examples/dist/own-pictures.js my-pictures clip.safetensors new/1.jpg new/2.jpg
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  applyAugmentation,
  type Clip,
  cosines,
  createRandom,
  type ImageFeatures,
  preprocess,
  sampleAugmentation,
} from "@locoop/clip";
import { loadClip, readImage } from "@locoop/clip/node";
import { tfjsEngine } from "@locoop/clip/tfjs";
import { batches, imageFolder, sampleFewShot } from "@locoop/datasets";
import { glmcm, thresholdAtTpr } from "@locoop/ood-metrics";
import { coop, encodeClasses, fit, type TrainingBatch } from "@locoop/prompt-learning";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { createDetector, type Detector, locoopLoss } from "locoop";

/** Features of cropped pictures [S,S,3]: global [B,E] and local [B,P,E]. */
function encode(clip: Clip, pixels: readonly Uint8Array[]): Promise<ImageFeatures> {
  return clip.image.encode({ data: Buffer.concat(pixels), batch: pixels.length }, { local: true });
}

/** Features of picture files as they are judged: resized and cropped in the middle. */
export async function encodeFiles(clip: Clip, paths: readonly string[]): Promise<ImageFeatures> {
  return encode(
    clip,
    await Promise.all(paths.map(async (path) => preprocess(await readImage(path), clip.config.imageSize))),
  );
}

/** Learns a prompt from `shots` pictures of each class folder, and the threshold from up to 100 of those that are left. */
export async function trainDetector(
  clip: Clip,
  { data, shots = 16, epochs = 50, seed = 1 }: { data: string; shots?: number; epochs?: number; seed?: number },
): Promise<Detector> {
  const dataset = await imageFolder(data);
  const { classNames } = dataset;
  const { items, rest } = sampleFewShot(dataset, { shots, seed });
  const { contextLength, width } = clip.config.text;
  const { tokenizer, embedTokens } = clip;
  const learner = coop.create({ classNames, tokenizer, embedTokens, contextLength, width, seed });

  // Every epoch sees each picture in another crop.
  async function* draw(epoch: number): AsyncGenerator<TrainingBatch> {
    const load = async ({ path }: { path: string }, index: number): Promise<Uint8Array> => {
      const image = await readImage(path);
      const crop = sampleAugmentation(createRandom(`${seed}/${epoch}/${index}`), image);
      return applyAugmentation(image, crop, clip.config.imageSize);
    };
    for await (const { items: drawn, values } of batches(items, { size: 32, seed, epoch, load }))
      yield { features: await encode(clip, values), labels: Int32Array.from(drawn, ({ label }) => label) };
  }
  const loss = locoopLoss({ classes: classNames.length });
  const steps = fit({ learner, text: clip.text, logitScale: clip.logitScale, batches: draw, loss, epochs });
  for await (const { epoch, step, loss } of steps)
    if (step === 0) console.error(`epoch ${epoch}: loss ${loss.toFixed(3)}`);
  const classFeatures = await encodeClasses(learner, clip.text); // [C, E]
  learner.dispose();

  // Left-over pictures lie class by class: take some of each. Without any, the shots must do, and the threshold is optimistic.
  const pool = rest.length > 0 ? rest : items;
  const calibration = pool.filter((_, i) => i % Math.ceil(pool.length / 100) === 0).map(({ path }) => path);
  const threshold = thresholdAtTpr(glmcm(cosines(await encodeFiles(clip, calibration), classFeatures)));
  const origin = rest.length > 0 ? "left-over" : "shots";
  const { logitScale } = clip;
  const from = { origin, pictures: calibration.length, tpr: 0.95 } as const;
  return createDetector({ classNames, classFeatures, logitScale, score: glmcm, threshold, calibration: from });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { shots: { type: "string", default: "16" }, epochs: { type: "string", default: "50" } },
  });
  const [data, weights, ...pictures] = positionals;
  if (!data || !weights || pictures.length === 0) throw new Error("expected a data folder, weights, and pictures");
  await tf.setBackend("wasm");
  const clip = await loadClip({ path: weights, engine: tfjsEngine({ tf }) });
  const detector = await trainDetector(clip, { data, shots: Number(values.shots), epochs: Number(values.epochs) });
  const verdicts = detector.detect(await encodeFiles(clip, pictures));
  for (const [i, { isId, className, score }] of verdicts.entries())
    console.log(
      `${pictures[i]}: ${isId ? className : "none of these"} (${score.toFixed(3)}, threshold ${detector.threshold.toFixed(3)})`,
    );
  clip.dispose();
}

import { preprocess, type Clip, type ImageFeatures, type RgbImage } from "@locoop/clip";
import { countBatches, sampleFewShot } from "@locoop/datasets/order";
import { thresholdAtTpr } from "@locoop/ood-metrics";
import {
  type Checkpoint,
  coop,
  encodeClasses,
  fit,
  type FitStep,
  type Learner,
  learnerContext,
  readCheckpoint,
  writeCheckpoint,
} from "@locoop/prompt-learning";
import {
  augmentPicture,
  locoopLoss,
  promptBytes,
  trainingBatches,
  type TrainingBatchesOptions,
  trainingDefaults,
} from "locoop";
import type { Trained, TrainProgress, TrainRequest } from "../messages.js";
import { judge } from "./judge.js";
import { decode, stack } from "./pictures.js";

/** Pictures that go through the tower at once: as many as the command line takes, for its last bits. */
const chunk = 16;
/** Decoded pictures that are kept over the epochs, in bytes. */
const kept = 2 ** 28;

/** Trains a prompt in the way of `locoop train`: the same draw, batches, augmentations and steps for the same seed. */
export async function train(
  clip: Clip,
  request: TrainRequest,
  { signal, tell }: { signal: AbortSignal; tell: (progress: TrainProgress) => void },
): Promise<Trained> {
  const begin = performance.now();
  const { classNames, seed, epochs, batchSize, contexts } = request;
  const { shots, rest } = draw(request);
  const images = createImages();
  const learner = coop.create(learnerContext(clip, { classNames, seed }), { contexts });
  try {
    const stepsPerEpoch = countBatches(shots.length, { size: batchSize });
    const featuresOf = async (indices: readonly number[], { epoch }: { epoch: number }): Promise<ImageFeatures> =>
      encode(clip, indices, async (index) => {
        const image = await images.read(shots[index]!);
        return augmentPicture(image, { seed, epoch, index, size: clip.config.imageSize });
      });
    const labels = shots.map(({ label }) => label);
    const steps = promptSteps(clip, learner, {
      ...request,
      labels,
      featuresOf,
      stepsPerEpoch,
      signal,
      resume: request.resume && readCheckpoint(request.resume),
    });
    for await (const { epoch, step, loss, parts, learningRate: rate, checkpoint } of steps) {
      const ended = step === stepsPerEpoch - 1;
      tell({
        done: epoch * stepsPerEpoch + step + 1,
        total: epochs * stepsPerEpoch,
        loss,
        crossEntropy: parts["crossEntropy"] ?? loss,
        regularization: parts["oodRegularization"] ?? 0,
        learningRate: rate,
        ...(ended && { checkpoint: writeCheckpoint(await checkpoint()) }),
      });
      await turn(); // for the wish to stop, and for verdicts meanwhile
    }
    const calibration = rest.length > 0 ? rest : shots;
    const thresholds = await calibrate(clip, await encodeClasses(learner, clip.text), {
      classNames,
      pictures: calibration,
      images,
      signal,
    });
    const origin = rest.length > 0 ? "left-over" : "shots";
    return {
      prompt: await promptBytes(learner, {
        classNames: JSON.stringify(classNames),
        thresholds: JSON.stringify({ ...thresholds, origin, pictures: calibration.length }),
      }),
      thresholds,
      origin,
      calibrated: calibration.length,
      trained: shots.length,
      seconds: (performance.now() - begin) / 1000,
    };
  } finally {
    learner.dispose();
  }
}

/** The steps of a training by its settings; what `locoop train` runs. */
export function promptSteps(
  clip: Clip,
  learner: Learner,
  {
    classNames,
    labels,
    featuresOf,
    stepsPerEpoch,
    seed,
    epochs,
    batchSize,
    learningRate,
    lambda,
    topK,
    signal,
    resume,
  }: Omit<TrainRequest, "pictures" | "shots" | "contexts" | "resume"> & {
    readonly labels: readonly number[];
    readonly featuresOf: TrainingBatchesOptions["featuresOf"];
    readonly stepsPerEpoch: number;
    readonly signal: AbortSignal;
    readonly resume?: Checkpoint;
  },
): AsyncGenerator<FitStep, void, undefined> {
  const { momentum, weightDecay, warmupEpochs, warmupLearningRate } = trainingDefaults;
  return fit({
    learner,
    text: clip.text,
    similarity: clip.similarity,
    logitScale: clip.logitScale,
    batches: (epoch, firstBatch) => trainingBatches({ labels, featuresOf, batchSize, seed, epoch, firstBatch, signal }),
    stepsPerEpoch,
    loss: locoopLoss({ classes: classNames.length, lambda, topK }),
    epochs,
    optimizer: { learningRate, momentum, weightDecay },
    schedule: { warmupEpochs, warmupLearningRate },
    classNames,
    signal,
    resume,
  });
}

interface Shot {
  readonly path: string;
  readonly label: number;
  readonly file: Blob;
}

/** The shots, and what is left over, as the command line draws them from sorted class folders. */
function draw({ classNames, pictures, shots, seed }: TrainRequest): { shots: Shot[]; rest: Shot[] } {
  const items = pictures.map(({ name, label, file }) => ({ path: name, label, file }));
  items.sort((a, b) => a.label - b.label || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const empty = classNames.findIndex((_, label) => !items.some((item) => item.label === label));
  if (empty >= 0) throw new Error(`the class “${classNames[empty]}” has no picture: add some, or remove the class`);
  const { items: drawn, rest } = sampleFewShot({ classNames, items }, { shots, seed });
  return { shots: drawn as Shot[], rest: rest as Shot[] };
}

/** Decoded pictures, the first ones kept. */
function createImages(): { read(shot: Shot): Promise<RgbImage> } {
  const known = new Map<Shot, RgbImage>();
  let bytes = 0;
  return {
    async read(shot) {
      const before = known.get(shot);
      if (before) return before;
      const image = await decode(shot.file, shot.path);
      if (bytes + image.data.length <= kept && !known.has(shot)) {
        bytes += image.data.length;
        known.set(shot, image);
      }
      return image;
    },
  };
}

/** Features of a list, in the order and the chunks of the command line. */
export async function encode(
  clip: Clip,
  list: readonly number[],
  pixelsOf: (entry: number) => Promise<Uint8Array>,
): Promise<ImageFeatures> {
  const size = clip.config.imageSize ** 2 * 3;
  const parts: ImageFeatures[] = [];
  for (let start = 0; start < list.length; start += chunk) {
    const some = list.slice(start, start + chunk);
    const data = new Uint8Array(some.length * size);
    for (const [i, entry] of some.entries()) data.set(await pixelsOf(entry), i * size);
    parts.push(await clip.image.encode({ data, batch: some.length }, { local: true }));
  }
  return stack(parts);
}

async function calibrate(
  clip: Clip,
  classFeatures: Awaited<ReturnType<typeof encodeClasses>>,
  {
    classNames,
    pictures,
    images,
    signal,
  }: {
    classNames: readonly string[];
    pictures: readonly Shot[];
    images: ReturnType<typeof createImages>;
    signal: AbortSignal;
  },
): Promise<Trained["thresholds"]> {
  const places = pictures.map((_, index) => index);
  const features = await encode(clip, places, async (index) => {
    signal.throwIfAborted();
    return preprocess(await images.read(pictures[index]!), clip.config.imageSize);
  });
  const verdicts = judge(clip, features, { ids: places.map(String), classNames, classFeatures });
  const at = (score: "mcm" | "glmcm"): number =>
    thresholdAtTpr(
      verdicts.map((verdict) => verdict[score]),
      { tpr: 0.95 },
    );
  return { mcm: at("mcm"), glmcm: at("glmcm") };
}

/** Lets the messages that have come be answered. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

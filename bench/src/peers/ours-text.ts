import type { Encoded, ImageFeatures, TextTower } from "@locoop/clip";
import { coop, fit, type FitStep, learnerContext, type TrainingBatch } from "@locoop/prompt-learning";
import * as tf from "@tensorflow/tfjs";
import { locoopLoss } from "locoop";
import type { PictureRequest } from "locoop/node";
import { addTimes, timed, type Time } from "../timed.js";
import type { Ours } from "./ours-model.js";

interface Task {
  readonly names: readonly string[];
  readonly top_k: number;
}

interface Pictures {
  readonly requests: readonly PictureRequest[];
  readonly labels: readonly number[];
}

/** What one step's time went to, besides the head: learner, cosines, loss, optimiser. */
type Parts = Record<"forward" | "backward" | "pictures", Time>;

const none: Time = { ms: 0, cpu: 0 };
const noParts = (): Parts => ({ forward: none, backward: none, pictures: none });

/** Training steps through `fit`, one a call: on given features, or on pictures decoded and augmented in the step. */
export function createTextStep({ clip, workshop, tensors }: Ours) {
  const runs = new Map<string, { steps: AsyncGenerator<FitStep>; parts: Parts; pictures: Pictures | undefined }>();

  const start = ({ names, top_k }: Task, key: string, given?: ImageFeatures) => {
    const learner = coop.create(learnerContext(clip, { classNames: names, seed: 1 }));
    const contexts = tensors.get("contexts")!;
    const initial = tf.tensor(contexts.data, [...contexts.shape]);
    learner.variables[0]!.assign(initial);
    initial.dispose();
    const run = { parts: noParts(), pictures: undefined as Pictures | undefined };
    async function* batches(): AsyncGenerator<TrainingBatch> {
      for (;;) {
        if (given) {
          const labels = Int32Array.from({ length: given.global.shape[0]! }, (_, i) => i % names.length);
          yield { features: given, labels };
        } else {
          const { requests, labels } = run.pictures!;
          const { result: features, time } = await timed(() => workshop.encode(requests, { local: true }));
          run.parts.pictures = time;
          yield { features, labels: Int32Array.from(labels) };
        }
      }
    }
    const steps = fit({
      learner,
      text: timedTower(clip.text, run.parts),
      similarity: clip.similarity,
      logitScale: clip.logitScale,
      batches: () => batches(),
      loss: locoopLoss({ classes: names.length, topK: top_k }),
      // The reference's rate from its first step on, as its trainer is called without a schedule here.
      schedule: { warmupEpochs: 0 },
    });
    const made = Object.assign(run, { steps });
    runs.set(key, made);
    return made;
  };

  const step = async (run: ReturnType<typeof start>) => {
    Object.assign(run.parts, noParts());
    const { result, time } = await timed(() => run.steps.next());
    const { loss, gradient } = result.value as FitStep;
    const others = Object.values(run.parts).reduce(addTimes);
    const head = { ms: time.ms - others.ms, cpu: time.cpu - others.cpu };
    const parts = { ...run.parts, head };
    return { ...time, loss, values: Object.values(gradient)[0]!.data, parts };
  };

  return {
    async run(task: Task) {
      const key = `given ${task.names.length}`;
      const features = { global: tensors.get("features.global")!, local: tensors.get("features.local")! };
      return step((runs.get(key) as ReturnType<typeof start>) ?? start(task, key, features));
    },
    async onTheFly({ requests, labels, ...task }: Task & Pictures) {
      const key = `pictures ${task.names.length}`;
      const run = (runs.get(key) as ReturnType<typeof start>) ?? start(task, key);
      run.pictures = { requests, labels };
      return step(run);
    },
  };
}

/** The same tower, noting how long it works. */
function timedTower(text: TextTower, parts: Parts): TextTower {
  const count = async <T>(part: keyof Parts, work: () => Promise<T>): Promise<Awaited<T>> => {
    const { result, time } = await timed(work);
    parts[part] = addTimes(parts[part], time);
    return result;
  };
  return {
    async encode(prompts, options): Promise<Encoded> {
      const encoded = await count("forward", () => text.encode(prompts, options));
      return { ...encoded, pullback: (gradient) => count("backward", () => encoded.pullback(gradient)) };
    },
  };
}

import { createRandom, sampleAugmentation } from "@locoop/clip";
import type { Context, Row } from "../context.js";
import { pictureSize } from "../inputs.js";
import { requireReference } from "../peers/start.js";
import { spreadOf, type Spread } from "../statistics.js";
import { picturesFlops } from "./image.js";
import { compare, describeParts, mediansOfParts } from "./compare.js";
import { stepDistance, stepFlops, topKFor } from "./text.js";
import { trainWithCachedViews } from "./cached-views.js";

const [classes, shots, epochs, views] = [20, 16, 50, 4];

/** Pictures, the random crops that their keys stand for, labels. */
function makeBatch({ inputs, settings }: Context) {
  const paths = settings.quick ? inputs.pictures.slice(0, 8) : inputs.pictures;
  const scale = [0.08, 1] as const;
  const requests = paths.map((path, i) => ({ path, augmentation: { key: `bench ${i}`, scale } }));
  const crops = requests.map(({ path, augmentation: { key } }) =>
    sampleAugmentation(createRandom(key), pictureSize(path), { scale }),
  );
  const task = { names: inputs.names.slice(0, classes), top_k: topKFor(classes) };
  return { paths, task, requests, crops, labels: paths.map((_, i) => i % classes) };
}

/** The two rows share the reference's step, which takes it half a minute. */
export const trainingRow: Row = {
  id: "training",
  what: "whole training step on the fly, 32 pictures, 20 classes",
  against: "reference",
  goal: "ratio 2.5",
  async run(context) {
    requireReference();
    const [ours, python] = [await context.ours(), await context.python()];
    const batch = makeBatch(context);
    const { paths, task, requests, crops, labels } = batch;
    const { tower, head } = stepFlops(task.names);
    const rounds = Math.min(context.settings.rounds, 3);
    const { answers, ...step } = await compare(context, {
      ours: () => ours.call("training_step", { ...task, requests, labels }),
      peer: () => python.call("training_step", { ...task, paths, crops, labels }),
      rounds,
      tolerance: 1e-3,
      distance: stepDistance,
      flops: picturesFlops(paths.length, { local: true }) + tower + head,
    });
    const parts = mediansOfParts(answers);
    const whole = context.settings.whole
      ? await trainWithCachedViews(context, { shots, epochs, views })
      : await assemble(context, batch);
    const peer = (step.peer!.median * epochs * classes * shots) / paths.length;
    return [
      { ...step, note: `${paths.length} pictures; ${describeParts(parts)}`, details: { parts } },
      {
        id: "views",
        what: `whole training with ${views} cached views, ${classes} classes x ${shots} shots x ${epochs} epochs`,
        against: "reference's algorithm (new views in every step)",
        goal: "ratio 20",
        status: "partly calculated",
        ours: whole.time,
        peer: spreadOf([peer]),
        ratio: spreadOf([peer / whole.time.median]),
        note: `${whole.note}; the reference's time is ${(epochs * classes * shots) / paths.length} times its measured step; cached views change the algorithm`,
      },
    ];
  },
};

/** What the training takes by its measured parts: every view encoded once, every step on cached features. */
async function assemble(
  context: Context,
  batch: ReturnType<typeof makeBatch>,
): Promise<{ time: Spread; note: string }> {
  const ours = await context.ours();
  const { paths, requests, task } = batch;
  await ours.call("views", { requests });
  await ours.call("text_step", task);
  const times: number[] = [];
  for (let round = 0; round < context.settings.rounds; round++) {
    const encode = await ours.call("views", { requests });
    const step = await ours.call("text_step", task);
    times.push((encode.ms / paths.length) * classes * shots * views + (step.ms * epochs * classes * shots) / 32);
  }
  return { time: spreadOf(times), note: "ours assembled from measured parts (encoding a picture, a step on features)" };
}

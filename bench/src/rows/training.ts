import { createRandom, sampleAugmentation } from "@locoop/clip";
import type { Context, Row } from "../context.js";
import { requireReference } from "../peers/start.js";
import { spreadOf, type Spread } from "../statistics.js";
import { picturesFlops } from "./image.js";
import { compare, describeParts, mediansOfParts } from "./compare.js";
import { stepDistance, stepFlops, topKFor } from "./text.js";
import { trainWithCachedViews } from "./cached-views.js";

const [classes, shots, epochs, views] = [20, 16, 50, 4];

/** Pictures, the same random crops for both sides, labels. */
function makeBatch({ inputs, settings }: Context) {
  const random = createRandom("bench");
  const paths = settings.quick ? inputs.pictures.slice(0, 8) : inputs.pictures;
  const dimensions = (i: number) => ((i * 10) % 3 === 0 ? { width: 375, height: 500 } : { width: 500, height: 375 });
  const crops = paths.map((_, i) => sampleAugmentation(random, dimensions(i)));
  const names = inputs.names.slice(0, classes);
  return { names, top_k: topKFor(classes), paths, crops, labels: paths.map((_, i) => i % classes) };
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
    const { tower, head } = stepFlops(batch.names);
    const rounds = Math.min(context.settings.rounds, 3);
    const { answers, ...step } = await compare(context, {
      ours: () => ours.call("training_step", batch),
      peer: () => python.call("training_step", batch),
      rounds,
      tolerance: 1e-3,
      distance: stepDistance,
      flops: picturesFlops(batch.paths.length, { local: true }) + tower + head,
    });
    const parts = mediansOfParts(answers);
    const whole = context.settings.whole
      ? await trainWithCachedViews(context, { shots, epochs, views })
      : await assemble(context, batch);
    const peer = (step.peer!.median * epochs * classes * shots) / batch.paths.length;
    return [
      { ...step, note: `${batch.paths.length} pictures; ${describeParts(parts)}`, details: { parts } },
      {
        id: "views",
        what: `whole training with ${views} cached views, ${classes} classes x ${shots} shots x ${epochs} epochs`,
        against: "reference's algorithm (new views in every step)",
        goal: "ratio 20",
        status: "partly calculated",
        ours: whole.time,
        peer: spreadOf([peer]),
        ratio: spreadOf([peer / whole.time.median]),
        note: `${whole.note}; the reference's time is ${(epochs * classes * shots) / batch.paths.length} times its measured step; cached views change the algorithm`,
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
  const { paths, crops, names, top_k } = batch;
  await ours.call("views", { paths, crops });
  await ours.call("text_step", { names, top_k });
  const times: number[] = [];
  for (let round = 0; round < context.settings.rounds; round++) {
    const encode = await ours.call("views", { paths, crops });
    const step = await ours.call("text_step", { names, top_k });
    times.push((encode.ms / paths.length) * classes * shots * views + (step.ms * epochs * classes * shots) / 32);
  }
  return { time: spreadOf(times), note: "ours assembled from measured parts (encoding a picture, a step on features)" };
}

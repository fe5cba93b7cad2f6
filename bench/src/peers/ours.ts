// Our side as a process: every operation that the rows ask for, timed around the work alone.
import { servePeer } from "./peer.js";
import { openOurs } from "./ours-model.js";
import { createTextStep } from "./ours-text.js";
import { createImageWork } from "./ours-image.js";
import { createPeak } from "./peak.js";
import { measureScores, resizePictures, tokenizeNames } from "./ours-plain.js";
import { processMemory } from "../machine.js";

type Options = Parameters<typeof openOurs>[0];
let model: Awaited<ReturnType<typeof openOurs>> | undefined;
const opened = (): NonNullable<typeof model> => {
  if (model === undefined) throw new Error("expected init first");
  return model;
};
const once = <A extends unknown[], R>(make: (...args: A) => R): ((...args: A) => R) => {
  let made: { value: R } | undefined;
  return (...args) => (made ??= { value: make(...args) }).value;
};
const textStep = once(() => createTextStep(opened()));
const imageWork = once(() => createImageWork(opened()));
const peak = once((threads: number) => createPeak(threads));

await servePeer({
  async init(options: Options) {
    model = await openOurs(options);
    return {};
  },
  memory: () => ({ bytes: processMemory().peak }),
  peak: async ({ threads }: { threads: number }) => (await peak(threads)).run(),
  text_step: (args: { names: string[]; top_k: number }) => textStep().run(args),
  image: (args: { batch: number; local: boolean }) => imageWork().tower(args),
  picture_files: (args: { paths: string[] }) => imageWork().files(args),
  views: (args: Parameters<ReturnType<typeof createImageWork>["views"]>[0]) => imageWork().views(args),
  training_step: (args: Parameters<ReturnType<typeof createTextStep>["onTheFly"]>[0]) => textStep().onTheFly(args),
  metrics: () => measureScores(opened().tensors),
  tokenize: tokenizeNames,
  resize: resizePictures,
});

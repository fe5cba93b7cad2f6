import { basename } from "node:path";
import type { Clip, Floats, RgbImage } from "@locoop/clip";
import { cosines, cropFor, preprocess, regionGrid } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { encodeClasses, type Learner, restore } from "@locoop/prompt-learning";
import { thresholdAtTpr } from "@locoop/ood-metrics";
import { idIrrelevantRegions } from "../regions.js";
import { fitPicture } from "../report/index.js";
import type { MethodResult, Mistake, Mistakes, RegionPicture, RegionProgress, ShownPicture } from "../report/index.js";
import { mainRun } from "../report/groups.js";
import { thinOut } from "./data.js";
import { loadLearner } from "./plugins.js";
import type { Run } from "./run-folder.js";
import { createLearner } from "./train-run.js";
import { readStages } from "./training-history.js";

/** What finds the regions of pictures: an open model, and the classes by which they are judged. */
export interface RegionJudge {
  readonly clip: Clip;
  readonly classNames: readonly string[];
  /** [C,E] */
  readonly classFeatures: Floats;
  readonly topK: number;
}

// Of each side.
const HARDEST = 8;
// What a page needs of a picture: the rest would only fill the memory.
const KEPT = 320;

/** One picture, encoded once, small enough to be kept. */
async function encodeOne(path: string, clip: Clip) {
  const full: RgbImage = await readImage(path);
  const size = clip.config.imageSize;
  const features = await clip.image.encode({ data: preprocess(full, size), batch: 1 }, { local: true });
  return { features, image: await fitPicture(full, { longest: KEPT }), crop: cropFor(full.width, full.height, size) };
}

async function showPicture(
  path: string,
  label: number,
  judge: RegionJudge | undefined,
  name: string,
): Promise<ShownPicture> {
  const title = basename(path);
  if (!judge) return { title, label: name, image: await fitPicture(await readImage(path), { longest: KEPT }) };
  const { clip, classFeatures, topK, classNames } = judge;
  const { features, image, crop } = await encodeOne(path, clip);
  const { local } = cosines(features, classFeatures);
  const mask = idIrrelevantRegions({ local: local!, classes: classNames.length, label, topK });
  return { title, label: name, image, mask, grid: regionGrid(clip.config), crop };
}

/**
 * The in-distribution pictures with the lowest scores and the others with the highest, by the first score of the first LoCoOp run
 * (else of the last run). Pictures that cannot be read any more are passed over; without `judge` they have no regions.
 */
export async function findMistakes(
  methods: readonly MethodResult[],
  {
    classNames,
    judgeOf = () => undefined,
    score: asked,
  }: {
    classNames: readonly string[];
    judgeOf?: (run: MethodResult) => RegionJudge | undefined;
    score?: string;
  },
): Promise<Mistakes | undefined> {
  const main = mainRun(methods.filter(({ pictures }) => pictures));
  if (!main) return undefined;
  const { run, name } = main;
  const score = asked !== undefined && run.scores[asked] ? asked : Object.keys(run.scores)[0]!;
  const { id, ood } = run.scores[score]!;
  const pictures = run.pictures!;
  const judge = judgeOf(run);
  const nameOf = (label: number): string => classNames[label] ?? String(label);
  const show = async (
    candidates: readonly { path: string; value: number; label: number; prediction: number; set?: string }[],
  ): Promise<Mistake[]> => {
    const shown: Mistake[] = [];
    for (const { path, value, label, prediction, set } of candidates) {
      if (shown.length === HARDEST) break;
      const picture = await showPicture(path, label, judge, nameOf(label)).catch(() => undefined);
      if (picture) shown.push({ set, value, prediction: nameOf(prediction), picture });
    }
    return shown;
  };
  // Some more than are shown, in case some are gone.
  const some = 2 * HARDEST;
  const rejected = [...id.keys()]
    .sort((a, b) => id[a]! - id[b]!)
    .slice(0, some)
    .map((i) => ({
      path: pictures.id.paths[i]!,
      value: id[i]!,
      label: pictures.id.labels[i]!,
      prediction: pictures.id.predictions[i]!,
    }));
  const accepted = Object.entries(ood)
    .flatMap(([set, values]) => {
      const { paths, predictions } = pictures.ood[set]!;
      return [...values.keys()].map((i) => ({
        path: paths[i]!,
        value: values[i]!,
        label: predictions[i]!,
        prediction: predictions[i]!,
        set,
      }));
    })
    .sort((a, b) => b.value - a.value)
    .slice(0, some);
  const [low, high] = [await show(rejected), await show(accepted)];
  if (low.length + high.length === 0) return undefined;
  return { name, score, threshold: thresholdAtTpr(id), rejected: low, accepted: high };
}

/** How the regions of a few pictures changed over the epochs of a run; undefined where it kept too little of its training. */
export async function findProgress(
  { dir, config, classes }: Pick<Run, "dir" | "config" | "classes">,
  {
    clip,
    items,
    pictures: most = 3,
    signal,
  }: { clip: Clip; items: readonly { path: string; label: number }[]; pictures?: number; signal?: AbortSignal },
): Promise<RegionProgress[] | undefined> {
  const { settings } = config;
  const stages = await readStages(dir, settings.epochs);
  if (stages.length < 2 || items.length === 0) return undefined;
  const shown = [];
  for (const { path, label } of thinOut(items, most)) {
    const encoded = await encodeOne(path, clip).catch(() => undefined);
    if (encoded) shown.push({ path, label, ...encoded });
  }
  const masks = shown.map((): { epoch: number; mask: Uint8Array }[] => []);
  const definition = await loadLearner(settings.learner);
  const learner: Learner = createLearner(definition, settings.learnerOptions, { clip, classes, seed: settings.seed });
  try {
    for (const { epoch, variables } of [{ epoch: 0, variables: undefined }, ...stages]) {
      if (variables)
        restore(learner, { learner: learner.name, options: learner.options, epoch, step: 0, variables, velocity: {} });
      const classFeatures = await encodeClasses(learner, clip.text, { signal });
      shown.forEach(({ features, label }, i) => {
        const { local } = cosines(features, classFeatures);
        const { topK } = settings;
        masks[i]!.push({ epoch, mask: idIrrelevantRegions({ local: local!, classes: classes.length, label, topK }) });
      });
    }
  } finally {
    learner.dispose();
  }
  return shown.map(({ path, label, image, crop }, i) => {
    const picture: RegionPicture = {
      title: basename(path),
      label: classes[label]!.name,
      image,
      mask: masks[i]!.at(-1)!.mask,
      grid: regionGrid(clip.config),
      crop,
    };
    return { picture, stages: masks[i]! };
  });
}

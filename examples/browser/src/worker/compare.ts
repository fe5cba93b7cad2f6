import { createRandom, cropFor, preprocess, type Clip, type Floats, type ImageFeatures } from "@locoop/clip";
import { countBatches, pythonRandom } from "@locoop/datasets/order";
import { auroc, fprAtTpr, rocPoints } from "@locoop/ood-metrics";
import { coop, encodeClasses, learnerContext } from "@locoop/prompt-learning";
import { augmentPicture, defaultTopK, idIrrelevantRegions, trainingDefaults } from "locoop";
import type {
  Calls,
  ComparedMethod,
  ComparedScore,
  CompareRequest,
  Comparison,
  DrawnPicture,
  Verdict,
} from "../messages.js";
import { draw, type Motif, openSprites } from "./drawing.js";
import { classFeaturesOf, judge } from "./judge.js";
import { takeRows } from "./pictures.js";
import { encode, promptSteps, turn } from "./train.js";

/** Augmentations of each shot, encoded once for both learners. */
const views = 4;

interface Around {
  readonly signal: AbortSignal;
  readonly tell: (progress: Calls["compare"]["progress"]) => void;
}

interface TestSet {
  readonly name: string;
  readonly pictures: readonly DrawnPicture[];
}

/** Compares the hand-written prompt, CoOp and LoCoOp on pictures that are drawn here. */
export async function compare(clip: Clip, request: CompareRequest, around: Around): Promise<Comparison> {
  const begin = performance.now();
  const { shots, test, others, classNames, labels } = await drawSets(request, around);
  const size = clip.config.imageSize;
  const encodeAll = async (stage: string, pictures: readonly DrawnPicture[]): Promise<ImageFeatures> =>
    encodeInTurns(clip, pictures, (picture) => preprocess(picture, size), { stage, ...around });
  const testFeatures = await encodeAll("Encoding pictures of the classes", test.pictures);
  const otherFeatures: ImageFeatures[] = [];
  for (const { name, pictures } of others) otherFeatures.push(await encodeAll(`Encoding ${name}`, pictures));
  const { seed } = request;
  const augmented = Array.from({ length: views }, (_, view) =>
    shots.map((picture, index) => ({ picture, view, index })),
  ).flat();
  const shotFeatures = await encodeInTurns(
    clip,
    augmented,
    ({ picture, view, index }) => augmentPicture(picture, { seed, epoch: view, index, size, crop: [0.5, 1] }),
    { stage: "Encoding the shots", ...around },
  );

  const prompts: [string, () => Promise<Floats>][] = [
    ["Zero-shot", () => classFeaturesOf(clip, classNames, { kind: "template", text: "a picture of a {}." })],
    [
      "CoOp",
      () => learn(clip, { ...request, lambda: 0 }, { name: "CoOp", classNames, labels, shotFeatures, ...around }),
    ],
    ["LoCoOp", () => learn(clip, request, { name: "LoCoOp", classNames, labels, shotFeatures, ...around })],
  ];
  const methods: ComparedMethod[] = [];
  const masks: Uint8Array[][] = [];
  const perClass = test.pictures.length / classNames.length;
  const shown = Array.from({ length: Math.min(6, classNames.length) }, (_, i) => i * perClass);
  for (const [name, featuresOf] of prompts) {
    const classFeatures = await featuresOf();
    const verdictsOf = (features: ImageFeatures): Verdict[] =>
      judge(clip, features, {
        ids: Array.from({ length: features.global.shape[0]! }, (_, i) => String(i)),
        classNames,
        classFeatures,
      });
    const verdicts = verdictsOf(testFeatures);
    const sets = otherFeatures.map(verdictsOf);
    const right = verdicts.filter(({ label }, i) => label === Math.floor(i / perClass)).length;
    methods.push({
      name,
      accuracy: right / verdicts.length,
      scores: (["mcm", "glmcm"] as const).map((score) => measure(score, verdicts, sets, others)),
    });
    masks.push(
      shown.map((row) =>
        idIrrelevantRegions({
          local: verdicts[row]!.local,
          classes: classNames.length,
          label: Math.floor(row / perClass),
          topK: defaultTopK(classNames.length),
        }),
      ),
    );
    await turn();
    around.signal.throwIfAborted();
  }
  return {
    methods,
    classNames,
    regions: shown.map((row, i) => {
      const picture = test.pictures[row]!;
      const { scale, left, top } = cropFor(picture.width, picture.height, size);
      return {
        picture,
        masks: masks.map((list) => list[i]!),
        square: { left: left / scale, top: top / scale, side: size / scale },
      };
    }),
    seconds: (performance.now() - begin) / 1000,
  };
}

async function drawSets({ classes, shots, seed, pictures }: CompareRequest, { signal, tell }: Around) {
  const sprites = await openSprites();
  const { id, nearOod, ood } = sprites.concepts;
  if (classes > id.length) throw new Error(`there are ${id.length} classes to draw, not ${classes}`);
  const classNames = pythonRandom(seed)
    .sample([...id], classes)
    .sort();
  const perClass = Math.max(1, Math.ceil(pictures / classes));
  const ofClasses = (part: string, count: number): [Motif, string][] =>
    classNames.flatMap((concept) =>
      Array.from({ length: count }, (_, i): [Motif, string] => [{ concept }, `${part}/${i}`]),
    );
  const ofConcepts = (part: string, names: readonly string[]): [Motif, string][] =>
    Array.from({ length: pictures }, (_, i) => [{ concept: names[i % names.length]! }, `${part}/${i}`]);
  const plans: [string, [Motif, string][]][] = [
    ["shots", ofClasses("train", shots)],
    ["test", ofClasses("test", perClass)],
    ["other animals", ofConcepts("near-ood", nearOod)],
    ...Object.entries(ood).map(([name, names]): [string, [Motif, string][]] => [
      name.replaceAll("-", " "),
      ofConcepts(name, names),
    ]),
    ["textures", Array.from({ length: pictures }, (_, i): [Motif, string] => [{ texture: i }, `textures/${i}`])],
  ];
  const total = plans.reduce((sum, [, list]) => sum + list.length, 0);
  let done = 0;
  const sets: TestSet[] = [];
  for (const [name, list] of plans) {
    const drawn: DrawnPicture[] = [];
    for (const [motif, key] of list) {
      drawn.push(draw(sprites, motif, { seed, key }));
      if (++done % 20 === 0) {
        tell({ stage: "Drawing", done, total });
        await turn();
        signal.throwIfAborted();
      }
    }
    sets.push({ name, pictures: drawn });
  }
  const [first, test, ...others] = sets as [TestSet, TestSet, ...TestSet[]];
  const labels = first.pictures.map(({ className }) => classNames.indexOf(className));
  return { shots: first.pictures, test, others, classNames, labels };
}

async function encodeInTurns<T>(
  clip: Clip,
  list: readonly T[],
  pixelsOf: (entry: T) => Uint8Array,
  { stage, signal, tell }: Around & { readonly stage: string },
): Promise<ImageFeatures> {
  let done = 0;
  return encode(
    clip,
    list.map((_, i) => i),
    async (i) => {
      if (done++ % 16 === 0) {
        tell({ stage, done, total: list.length });
        await turn();
        signal.throwIfAborted();
      }
      return pixelsOf(list[i]!);
    },
  );
}

async function learn(
  clip: Clip,
  { seed, epochs, lambda }: CompareRequest,
  {
    name,
    classNames,
    labels,
    shotFeatures,
    signal,
    tell,
  }: Around & { name: string; classNames: readonly string[]; labels: readonly number[]; shotFeatures: ImageFeatures },
): Promise<Floats> {
  const { batchSize, learningRate } = trainingDefaults;
  const learner = coop.create(learnerContext(clip, { classNames, seed }), {});
  const stepsPerEpoch = countBatches(labels.length, { size: batchSize });
  const view = (epoch: number, index: number): number => createRandom(`view/${seed}/${epoch}/${index}`).integer(views);
  try {
    const steps = promptSteps(clip, learner, {
      classNames,
      labels,
      featuresOf: async (indices, { epoch }) =>
        takeRows(
          shotFeatures,
          indices.map((index) => view(epoch, index) * labels.length + index),
        ),
      stepsPerEpoch,
      seed,
      epochs,
      batchSize,
      learningRate,
      lambda,
      topK: defaultTopK(classNames.length),
      signal,
    });
    for await (const { epoch, step } of steps) {
      tell({ stage: `Training ${name}`, done: epoch * stepsPerEpoch + step + 1, total: epochs * stepsPerEpoch });
      await turn();
    }
    return await encodeClasses(learner, clip.text);
  } finally {
    learner.dispose();
  }
}

function measure(
  score: "mcm" | "glmcm",
  verdicts: readonly Verdict[],
  sets: readonly (readonly Verdict[])[],
  named: readonly TestSet[],
): ComparedScore {
  const valuesOf = (list: readonly Verdict[]): number[] => list.map((verdict) => verdict[score]);
  const id = valuesOf(verdicts);
  const { fpr, tpr } = rocPoints(id, sets.flatMap(valuesOf));
  const every = Math.max(1, Math.floor(fpr.length / 200));
  const thin = (values: Float64Array): number[] =>
    [...values].filter((_, i) => i % every === 0 || i === values.length - 1);
  return {
    score,
    sets: sets.map((list, i) => ({
      name: named[i]!.name,
      auroc: auroc(id, valuesOf(list)),
      fpr: fprAtTpr(id, valuesOf(list)),
    })),
    roc: { fpr: thin(fpr), tpr: thin(tpr) },
  };
}

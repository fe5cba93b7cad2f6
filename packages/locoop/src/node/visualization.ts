import { basename, dirname, resolve } from "node:path";
import type { Clip, Floats, RgbImage } from "@locoop/clip";
import { cosines, cropFor, preprocess, regionGrid } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { type DetectorScore, mostSimilar } from "../detector.js";
import { idIrrelevantRegions } from "../regions.js";
import type { RegionPicture } from "../report/index.js";
import { UsageError } from "./errors.js";
import type { RunClass } from "./run-folder.js";

/** Where a picture's label came from. */
export type LabelSource = "option" | "folder" | "prediction";

/** A picture with its ID-irrelevant regions found. */
export interface JudgedRegions extends RegionPicture {
  readonly path: string;
  readonly classIndex: number;
  readonly labelSource: LabelSource;
  /** [P], cosine of each region with the label. */
  readonly labelSimilarity: Float32Array;
  /** [P], cosine of each region with the most similar other class; NaN if there is only one class. */
  readonly otherSimilarity: Float32Array;
  /** [P], index of that class, -1 if there is only one class. */
  readonly otherClasses: Int32Array;
  /** [P], its name. */
  readonly otherNames: readonly string[];
  /** [P], probability of the label among the classes. */
  readonly labelProbability: Float32Array;
  /** The most similar class of the whole picture, and its probability among the classes. */
  readonly prediction: { readonly classIndex: number; readonly className: string; readonly confidence: number };
  /** Whether the picture is one of the classes; only where a score and a threshold were given. */
  readonly verdict?: RegionVerdict;
  /** By which rule regions are ID-irrelevant, in words. */
  readonly rule: string;
}

/** What a detector says of the whole picture. */
export interface RegionVerdict {
  /** Name of the score. */
  readonly score: string;
  readonly value: number;
  readonly threshold: number;
  readonly isId: boolean;
}

/** Index of a class by its name or folder, -1 if there is none. */
export function findClass(classes: readonly RunClass[], name: string): number {
  const byName = classes.findIndex((entry) => entry.name === name);
  return byName >= 0 ? byName : classes.findIndex((entry) => entry.folder === name);
}

/** What `judgeRegions` judges by; a `Run` has classes and class features. */
export interface JudgeRegionsOptions {
  readonly clip: Clip;
  readonly classes: readonly RunClass[];
  /** [C,E] */
  readonly classFeatures: Floats;
  readonly topK: number;
  /** Instead of K: a region is ID-irrelevant if the label's probability there, among the classes, is below this (0 to 1). */
  readonly regionThreshold?: number;
  /** Judges the whole picture, too. */
  readonly verdictBy?: { readonly score: DetectorScore; readonly threshold: number };
  /** Index, name or folder of the class that the picture shows. */
  readonly label?: number | string;
  /** The picture, where it has been read ahead. */
  readonly image?: Promise<RgbImage>;
}

/**
 * Finds the ID-irrelevant regions of a picture, for the label given, else that of its folder if the folder is a class, else the
 * predicted one.
 *
 * @throws ImageError for a picture that cannot be read, UsageError for a label that is no class
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { drawBenchmark, tinyClipPaths, tinyClipTemplate } from "@locoop/tiny-clip";
 * import { closeModel, judgeRegions, openModel, resolveEngine, writeRegions, zeroShotFeatures } from "locoop/node";
 *
 * const dir = await mkdtemp(join(tmpdir(), "regions-"));
 * const sizes = { trainPerClass: 0, validationPerClass: 0, testPerClass: 1, ood: 0 };
 * const { manifest } = await drawBenchmark({ dir: join(dir, "toy"), seed: 1, ...sizes });
 * const { engine } = await resolveEngine();
 * const clip = await openModel({ weights: tinyClipPaths().weights, engine });
 * const classes = manifest.classNames.map((name) => ({ name, folder: name }));
 * const classFeatures = await zeroShotFeatures(clip, manifest.classNames, tinyClipTemplate);
 * const path = join(dir, "toy/test", classes[0]!.folder, "0000.png");
 * const judged = await judgeRegions(path, { clip, classes, classFeatures, topK: 10 });
 * console.log(judged.labelSource, judged.mask.length); // → folder 64
 * console.log(await writeRegions(judged, join(dir, "painted")));
 * await closeModel();
 * ```
 */
export async function judgeRegions(
  path: string,
  {
    clip,
    classes,
    classFeatures,
    topK,
    regionThreshold,
    verdictBy,
    label,
    image: read = readImage(path),
  }: JudgeRegionsOptions,
): Promise<JudgedRegions> {
  const image = await read;
  const size = clip.config.imageSize;
  const features = await clip.image.encode({ data: preprocess(image, size), batch: 1 }, { local: true });
  const matches = cosines(features, classFeatures);
  const { global, local } = matches;
  const fromFolder = findClass(classes, basename(dirname(resolve(path))));
  const asked = typeof label === "string" ? findClass(classes, label) : (label ?? -1);
  if (label !== undefined && !classes[asked])
    throw new UsageError(
      `--label must be one of the run's classes (${classes
        .slice(0, 5)
        .map(({ name }) => name)
        .join(", ")}${classes.length > 5 ? ", ..." : ""}), got "${label}"`,
    );
  const labelSource: LabelSource = asked >= 0 ? "option" : fromFolder >= 0 ? "folder" : "prediction";
  const { label: predicted, confidence } = mostSimilar(global, clip.logitScale);
  const classIndex = asked >= 0 ? asked : fromFolder >= 0 ? fromFolder : predicted;
  const regions = measureRegions(local!, { classes: classes.length, label: classIndex, logitScale: clip.logitScale });
  const mask =
    regionThreshold === undefined
      ? idIrrelevantRegions({ local: local!, classes: classes.length, label: classIndex, topK })
      : Uint8Array.from(regions.labelProbability, (probability) => (probability < regionThreshold ? 1 : 0));
  const value = verdictBy?.score(matches)[0];
  return {
    path,
    title: basename(path),
    label: classes[classIndex]!.name,
    image,
    mask,
    grid: regionGrid(clip.config),
    crop: cropFor(image.width, image.height, size),
    classIndex,
    labelSource,
    ...regions,
    otherNames: Array.from(regions.otherClasses, (other) => classes[other]?.name ?? ""),
    prediction: { classIndex: predicted, className: classes[predicted]!.name, confidence },
    rule:
      regionThreshold === undefined
        ? `the label is not among the ${topK} most similar of ${classes.length} classes`
        : `the label's probability is below ${regionThreshold}`,
    ...(verdictBy &&
      value !== undefined && {
        verdict: {
          score: verdictBy.score.name,
          value,
          threshold: verdictBy.threshold,
          isId: value >= verdictBy.threshold,
        },
      }),
  };
}

/** What is known of each of P regions from the cosines [P,C] of one picture. */
function measureRegions(
  local: Float32Array | Float64Array,
  { classes, label, logitScale }: { classes: number; label: number; logitScale: number },
): Pick<JudgedRegions, "labelSimilarity" | "otherSimilarity" | "otherClasses" | "labelProbability"> {
  const P = local.length / classes;
  const measured = {
    labelSimilarity: new Float32Array(P),
    otherSimilarity: new Float32Array(P).fill(Number.NaN),
    otherClasses: new Int32Array(P).fill(-1),
    labelProbability: new Float32Array(P),
  };
  for (let region = 0; region < P; region++) {
    const row = local.subarray(region * classes, (region + 1) * classes);
    const own = row[label]!;
    let other = -1;
    for (let c = 0; c < classes; c++) if (c !== label && (other < 0 || row[c]! > row[other]!)) other = c;
    let sum = 0; // of exp(logit - the label's): its reciprocal is the label's probability, 0 where it overflows
    for (const cosine of row) sum += Math.exp(logitScale * (cosine - own));
    measured.labelSimilarity[region] = own;
    measured.labelProbability[region] = 1 / sum;
    measured.otherClasses[region] = other;
    if (other >= 0) measured.otherSimilarity[region] = row[other]!;
  }
  return measured;
}

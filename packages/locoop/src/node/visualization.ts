import { randomBytes } from "node:crypto";
import { mkdir, realpath } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { Clip, Floats, RgbImage } from "@locoop/clip";
import { cosines, cropFor, preprocess, regionGrid } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { mostSimilar } from "../detector.js";
import { idIrrelevantRegions } from "../regions.js";
import { drawRegions, encodePng, type RegionPicture } from "../report/index.js";
import { UsageError } from "./errors.js";
import { fileName } from "./evaluation.js";
import { exists, writeWhole } from "./files.js";
import type { RunClass } from "./run-folder.js";

/** Where a picture's label came from. */
export type LabelSource = "option" | "folder" | "prediction";

/** A picture with its ID-irrelevant regions found. */
export interface JudgedRegions extends RegionPicture {
  readonly path: string;
  readonly classIndex: number;
  readonly labelSource: LabelSource;
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
  { clip, classes, classFeatures, topK, label, image: read = readImage(path) }: JudgeRegionsOptions,
): Promise<JudgedRegions> {
  const image = await read;
  const size = clip.config.imageSize;
  const features = await clip.image.encode({ data: preprocess(image, size), batch: 1 }, { local: true });
  const { global, local } = cosines(features, classFeatures);
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
  const classIndex = asked >= 0 ? asked : fromFolder >= 0 ? fromFolder : mostSimilar(global, clip.logitScale).label;
  const mask = idIrrelevantRegions({ local: local!, classes: classes.length, label: classIndex, topK });
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
  };
}

/**
 * Paints the regions and writes a PNG into a folder, whose path is returned; no file that exists is ever written over. See
 * `judgeRegions` for an example.
 */
export async function writeRegions(picture: JudgedRegions, dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  const stem = fileName(`${basename(picture.path, extname(picture.path))}-regions`);
  let target = join(dir, `${stem}.png`);
  for (let n = 2; await exists(target); n++)
    target = n < 10_000 ? join(dir, `${stem}-${n}.png`) : join(dir, `${stem}-${randomBytes(4).toString("hex")}.png`);
  if (resolve(target) === (await realpath(picture.path).catch(() => "")))
    throw new Error(`${target} is the picture itself; choose another --out`);
  await writeWhole(target, await encodePng(drawRegions(picture)));
  return target;
}

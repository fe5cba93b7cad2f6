import { basename } from "node:path";
import type { RgbImage } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { unreadableReason } from "../node/data.js";
import { thresholdOf } from "../node/detection.js";
import { checkEngineOptions, type EngineOptions } from "../node/engine.js";
import { UsageError } from "../node/errors.js";
import { closeModel } from "../node/model.js";
import { loadScore, resolveChoice } from "../node/plugins.js";
import { describeSource, type RegionFormat, writeRegions } from "../node/region-files.js";
import { sheetEntry, writeSheets } from "../node/sheet-files.js";
import { findClass, type JudgedRegions, judgeRegions, type JudgeRegionsOptions } from "../node/visualization.js";
import { ensureWritableFolder } from "../node/writable-folder.js";
import type { ColorMap, Rgb } from "../report/color-map.js";
import type { SheetEntry } from "../report/contact-sheet.js";
import type { RegionStyle } from "../report/region-drawing.js";
import { expandPictures } from "./detect.js";
import { chooseEngine, loadModel } from "./engine-flags.js";
import { type Judge, type JudgeFlags, openJudge } from "./judge.js";
import { notice, print, printJson } from "./output.js";
import { createProgress } from "./progress.js";

interface VisualizeFlags extends EngineOptions, JudgeFlags {
  out: string;
  label?: string;
  topK?: number;
  regionThreshold?: number;
  score?: string;
  threshold?: number;
  format?: readonly RegionFormat[];
  size: number;
  paint?: "irrelevant" | "relevant";
  color?: Rgb;
  opacity?: number;
  colormap?: ColorMap;
  range?: readonly [number, number];
  numbers: boolean;
  sheet: boolean;
  json?: boolean;
}

/** `locoop visualize`. */
export async function visualize(
  pictures: readonly string[],
  flags: VisualizeFlags,
  signal: AbortSignal,
): Promise<void> {
  checkEngineOptions(flags);
  const judge = await openJudge(flags);
  const { classes, classNames, topK: usual } = judge;
  if (flags.label !== undefined && findClass(classes, flags.label) < 0)
    throw new UsageError(
      `--label must be one of the run's classes (${classNames.slice(0, 5).join(", ")}${classNames.length > 5 ? ", ..." : ""}), got "${flags.label}"`,
    );
  const topK = flags.topK ?? usual;
  if (topK > classNames.length)
    throw new UsageError(`--top-k must be at most the ${classNames.length} classes of the run, got ${topK}`);
  const verdictBy = await chooseDetector(judge, flags);
  await ensureWritableFolder(flags.out, "--out");
  const paths = await expandPictures(pictures);
  const { engine } = await chooseEngine(flags);
  const clip = await loadModel(judge.modelFor(engine));
  const classFeatures = await judge.classFeatures(clip);
  const { size, paint, color, opacity, colormap: colorMap, range, numbers, format: formats = ["png"] } = flags;
  const style: RegionStyle = { size, paint, color, opacity, colorMap, range, numbers };
  const judging = { clip, classes, classFeatures, topK, regionThreshold: flags.regionThreshold, verdictBy };
  const progress = createProgress({ label: "visualize", total: paths.length });
  const done: (Drawn | { path: string; error: string })[] = [];
  const entries: SheetEntry[] = [];
  const read = (path: string | undefined): Promise<RgbImage> | undefined => {
    const image = path === undefined ? undefined : readImage(path);
    image?.catch(() => {}); // thrown when its turn comes
    return image;
  };
  try {
    let ahead = read(paths[0]);
    for (const [i, path] of paths.entries()) {
      signal.throwIfAborted();
      const image = ahead;
      ahead = read(paths[i + 1]);
      try {
        const judged = await judgeRegions(path, { ...judging, label: flags.label, image });
        const files = await writeRegions(judged, flags.out, { formats, ...style });
        if (flags.sheet) {
          const page = files[formats.indexOf("html")];
          entries.push(await sheetEntry(judged, { style: { paint, color, opacity }, page }));
        }
        done.push(toDrawn(judged, files));
      } catch (error) {
        if ((error as Error).name !== "ImageError") throw error;
        done.push({ path, error: unreadableReason(error) });
      }
      progress.update(done.length);
    }
  } finally {
    progress.end();
    await closeModel();
  }
  const title = `${entries.length} pictures${flags.run === undefined ? "" : `, ${basename(flags.run)}`}`;
  const sheets = entries.length > 1 ? await writeSheets(entries, flags.out, { formats, title }) : [];
  const unreadable = done.filter((entry) => "error" in entry);
  for (const { path, error } of unreadable) notice(`unreadable: ${path}: ${error}`);
  if (flags.json) printJson({ topK, regionThreshold: flags.regionThreshold, sheets, pictures: done });
  else {
    for (const entry of done)
      if (!("error" in entry))
        print(
          `${entry.path}: ${entry.irrelevantRegions} of ${entry.regions} regions are ID-irrelevant for "${entry.label}" (${describeSource(entry)}): ${entry.files.join(", ")}`,
        );
    if (sheets.length > 0) print(`contact sheet: ${sheets.join(", ")}`);
  }
  if (unreadable.length === done.length) throw new Error(`none of the ${done.length} pictures can be read`);
}

type Drawn = ReturnType<typeof toDrawn>;

/** A picture's line of `--json`, with the numbers of every region, row by row. */
function toDrawn(judged: JudgedRegions, files: readonly string[]) {
  const { path, label, labelSource, mask, grid, crop, image, prediction, verdict } = judged;
  return {
    path,
    out: files[0]!,
    files,
    width: image.width,
    height: image.height,
    crop,
    grid,
    label,
    labelSource,
    prediction: prediction.className,
    confidence: prediction.confidence,
    ...(verdict && { verdict }),
    irrelevantRegions: mask.reduce((a, b) => a + b, 0),
    regions: mask.length,
    irrelevant: Array.from(mask, (value) => value !== 0),
    labelSimilarity: Array.from(judged.labelSimilarity),
    labelProbability: Array.from(judged.labelProbability),
    otherSimilarity: Array.from(judged.otherSimilarity, (value) => (Number.isNaN(value) ? null : value)),
    otherClasses: judged.otherNames,
  };
}

/** What says whether a picture is one of the classes; nothing for a checkpoint without `--threshold`. */
async function chooseDetector(
  { run }: Judge,
  { score, threshold }: VisualizeFlags,
): Promise<JudgeRegionsOptions["verdictBy"]> {
  if (threshold !== undefined) {
    const choice = resolveChoice(score ?? (run ? (await thresholdOf(run)).choice : "gl-mcm"));
    return { score: await loadScore(choice), threshold };
  }
  if (!run) {
    if (score !== undefined) throw new UsageError("--score with --checkpoint needs --threshold X for a verdict");
    return undefined;
  }
  try {
    const known = await thresholdOf(run, score);
    return { score: await loadScore(known.choice), threshold: known.threshold };
  } catch (error) {
    // A run's own code is not run unasked; its regions can be drawn all the same.
    if (score !== undefined || !(error instanceof UsageError)) throw error;
    notice(`notice: no verdicts: ${error.message}`);
    return undefined;
  }
}

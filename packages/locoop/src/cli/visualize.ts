import { resolve } from "node:path";
import type { RgbImage } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { unreadableReason } from "../node/data.js";
import { checkWeights, modelOf } from "../node/detection.js";
import { checkEngineOptions, type EngineOptions } from "../node/engine.js";
import { UsageError } from "../node/errors.js";
import { ensureFile } from "../node/files.js";
import { closeModel } from "../node/model.js";
import { readRun } from "../node/run-folder.js";
import { ensureWritableFolder } from "../node/writable-folder.js";
import { findClass, judgeRegions, writeRegions } from "../node/visualization.js";
import { expandPictures } from "./detect.js";
import { chooseEngine, loadModel } from "./engine-flags.js";
import { notice, print, printJson } from "./output.js";
import { createProgress } from "./progress.js";

interface VisualizeFlags extends EngineOptions {
  run: string;
  out: string;
  label?: string;
  topK?: number;
  weights?: string;
  json?: boolean;
}

const SOURCES = { option: "as given", folder: "by its folder", prediction: "as predicted" } as const;

/** `locoop visualize`. */
export async function visualize(
  pictures: readonly string[],
  flags: VisualizeFlags,
  signal: AbortSignal,
): Promise<void> {
  checkEngineOptions(flags);
  const run = await readRun(flags.run);
  if (flags.label !== undefined && findClass(run.classes, flags.label) < 0)
    throw new UsageError(
      `--label must be one of the run's classes (${run.classNames.slice(0, 5).join(", ")}${run.classNames.length > 5 ? ", ..." : ""}), got "${flags.label}"`,
    );
  const topK = flags.topK ?? run.config.settings.topK;
  if (topK > run.classNames.length)
    throw new UsageError(`--top-k must be at most the ${run.classNames.length} classes of the run, got ${topK}`);
  await ensureWritableFolder(flags.out, "--out");
  const paths = await expandPictures(pictures);
  const weights = resolve(flags.weights ?? run.config.model.weights);
  await ensureFile(weights, "weights");
  await checkWeights(run, weights);
  const { engine } = await chooseEngine(flags);
  const clip = await loadModel(modelOf(run, { weights, engine }));
  const progress = createProgress({ label: "visualize", total: paths.length });
  const done: {
    path: string;
    out?: string;
    label?: string;
    labelSource?: string;
    irrelevantRegions?: number;
    regions?: number;
    error?: string;
  }[] = [];
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
        const judged = await judgeRegions(path, {
          clip,
          classes: run.classes,
          classFeatures: run.classFeatures,
          topK,
          label: flags.label,
          image,
        });
        const irrelevantRegions = judged.mask.reduce((a, b) => a + b, 0);
        const out = await writeRegions(judged, flags.out);
        done.push({
          path,
          out,
          label: judged.label,
          labelSource: judged.labelSource,
          irrelevantRegions,
          regions: judged.mask.length,
        });
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
  const unreadable = done.filter(({ error }) => error !== undefined);
  for (const { path, error } of unreadable) notice(`unreadable: ${path}: ${error}`);
  if (flags.json) printJson({ topK, pictures: done });
  else
    for (const { path, out, label, labelSource, irrelevantRegions, regions } of done)
      if (out !== undefined)
        print(
          `${path}: ${irrelevantRegions} of ${regions} regions are ID-irrelevant for "${label}" (${SOURCES[labelSource as keyof typeof SOURCES]}): ${out}`,
        );
  if (unreadable.length === done.length) throw new Error(`none of the ${done.length} pictures can be read`);
}

import type { RgbImage } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { unreadableReason } from "../node/data.js";
import { checkEngineOptions, type EngineOptions } from "../node/engine.js";
import { UsageError } from "../node/errors.js";
import { closeModel } from "../node/model.js";
import { ensureWritableFolder } from "../node/writable-folder.js";
import { findClass, judgeRegions, writeRegions } from "../node/visualization.js";
import { expandPictures } from "./detect.js";
import { chooseEngine, loadModel } from "./engine-flags.js";
import { type JudgeFlags, openJudge } from "./judge.js";
import { notice, print, printJson } from "./output.js";
import { createProgress } from "./progress.js";

interface VisualizeFlags extends EngineOptions, JudgeFlags {
  out: string;
  label?: string;
  topK?: number;
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
  const judge = await openJudge(flags);
  const { classes, classNames, topK: usual } = judge;
  if (flags.label !== undefined && findClass(classes, flags.label) < 0)
    throw new UsageError(
      `--label must be one of the run's classes (${classNames.slice(0, 5).join(", ")}${classNames.length > 5 ? ", ..." : ""}), got "${flags.label}"`,
    );
  const topK = flags.topK ?? usual;
  if (topK > classNames.length)
    throw new UsageError(`--top-k must be at most the ${classNames.length} classes of the run, got ${topK}`);
  await ensureWritableFolder(flags.out, "--out");
  const paths = await expandPictures(pictures);
  const { engine } = await chooseEngine(flags);
  const clip = await loadModel(judge.modelFor(engine));
  const classFeatures = await judge.classFeatures(clip);
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
          classes,
          classFeatures,
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

import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { listPictures } from "@locoop/datasets";
import { type FileDetection, judgeFiles, thresholdOf } from "../node/detection.js";
import { checkEngineOptions, type EngineOptions } from "../node/engine.js";
import { UsageError } from "../node/errors.js";
import { FLOAT16_NOTE, toFloat16 } from "../node/float16-scores.js";
import { calibrateOn } from "../node/fresh-threshold.js";
import { closeModel } from "../node/model.js";
import { isModulePath, loadScore, resolveChoice } from "../node/plugins.js";
import { createWorkshop } from "../node/workshop.js";
import { chooseEngine, loadModel } from "./engine-flags.js";
import { type Judge, type JudgeFlags, openJudge } from "./judge.js";
import { notice, printJson } from "./output.js";
import { BATCH, judgeListed, judgeWatched, requireFolders, showJsonLine, showText } from "./verdicts.js";

interface DetectFlags extends EngineOptions, JudgeFlags {
  score?: string;
  calibration?: string;
  threshold?: number;
  emulateFp16Scores?: boolean;
  json?: boolean;
  jsonLines?: boolean;
  watch?: boolean;
}

/** Files as given, folders as the pictures in them. */
export async function expandPictures(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const kind = await stat(path).catch(() => undefined);
    if (!kind) throw new Error(`picture: no such file: ${path}; check the path`);
    if (kind.isDirectory()) found.push(...(await listPictures(path)).map((item) => item.path));
    else found.push(path);
  }
  return found;
}

/** `locoop detect`. */
export async function detect(pictures: readonly string[], flags: DetectFlags, signal: AbortSignal): Promise<void> {
  checkEngineOptions(flags);
  if (flags.threshold !== undefined && flags.calibration !== undefined)
    throw new UsageError("--threshold and --calibration both set the threshold; leave one out");
  if (flags.json && flags.watch)
    throw new UsageError("--json prints one document at the end, and --watch has no end; take --json-lines");
  const judge = await openJudge(flags);
  const { name, choice, known } = await chooseScore(judge, flags);
  const paths = flags.watch ? [] : await expandPictures(pictures);
  if (flags.watch) await requireFolders(pictures);
  const { engine, threads } = await chooseEngine(flags);
  const model = judge.modelFor(engine);
  const classFeatures = await judge.classFeatures(await loadModel(model));
  // A worker with a model of its own is worth its start for many pictures only.
  const few = engine.engine === "tfjs" && paths.length < 64 && flags.threads === undefined;
  const workshop = createWorkshop({ model, threads: few ? 1 : threads });
  if (!workshop.here) await closeModel();
  const { classNames } = judge;
  try {
    const threshold = known ?? (await calibrate(flags.calibration!, { workshop, classFeatures, choice, signal }));
    const verdict = { classNames, classFeatures, choice, threshold: threshold.value };
    const judgeThese = (paths: readonly string[], onProgress?: (done: number) => void): Promise<FileDetection[]> =>
      judgeFiles(verdict, paths, { workshop, signal, onProgress });
    const show = flags.jsonLines
      ? showJsonLine(name, threshold.value)
      : showText(paths, classNames, { score: name, threshold: threshold.value });
    if (flags.watch) {
      notice(`threshold: ${describeThreshold(threshold)}`);
      await judgeWatched(pictures, { judgeThese, show, signal });
      return;
    }
    const found = await judgeListed(paths, {
      judgeThese,
      show: flags.json ? undefined : show,
      batch: workshop.here ? BATCH : BATCH * threads,
    });
    const unreadable = found.filter(({ error }) => error !== undefined);
    if (flags.json) {
      for (const { path, error } of unreadable) notice(`unreadable: ${path}: ${error}`);
      printJson({
        score: name,
        threshold: threshold.value,
        calibration: threshold.calibration,
        ...(flags.emulateFp16Scores && { emulated: FLOAT16_NOTE }),
        unreadable: unreadable.length,
        pictures: found,
      });
    } else notice(`threshold: ${describeThreshold(threshold)}`);
    if (unreadable.length > 0) notice(`notice: ${unreadable.length} of ${found.length} pictures are unreadable`);
    if (unreadable.length === found.length) throw new Error(`none of the ${found.length} pictures can be read`);
  } finally {
    await workshop.dispose();
  }
}

/** A threshold and where it comes from. */
interface Threshold {
  readonly value: number;
  readonly calibration: { origin: string; source?: string; pictures?: number; note: string };
}

const describeThreshold = ({ calibration: { note, pictures } }: Threshold): string =>
  pictures === undefined ? note : `${note} (${pictures} pictures)`;

/** The score, and the threshold unless pictures must first be scored for it. */
async function chooseScore(
  { run }: Judge,
  { score, threshold, calibration, emulateFp16Scores }: DetectFlags,
): Promise<{ name: string; choice: string; known?: Threshold }> {
  if (run && threshold === undefined && calibration === undefined && !emulateFp16Scores) {
    const { name, choice, threshold: value } = await thresholdOf(run, score);
    const { origin, source, pictures, note } = run.detector;
    return { name, choice, known: { value, calibration: { origin, source, pictures, note } } };
  }
  if (threshold === undefined && calibration === undefined)
    throw new UsageError(
      `${run ? "--emulate-fp16-scores" : "--checkpoint"} needs a threshold: --calibration DIR with in-distribution pictures that it was not trained on, or --threshold X`,
    );
  const asked = resolveChoice(score ?? run?.detector.score ?? "gl-mcm");
  // A module that only the run names is never loaded.
  if (run && score === undefined && isModulePath(asked)) await thresholdOf(run);
  const [choice = asked] = emulateFp16Scores ? toFloat16([asked]) : [asked];
  const { name } = await loadScore(choice);
  const known =
    threshold === undefined
      ? undefined
      : { value: threshold, calibration: { origin: "option", note: "as given by --threshold" } };
  return { name, choice, known };
}

async function calibrate(folder: string, options: Parameters<typeof calibrateOn>[1]): Promise<Threshold> {
  const { threshold, pictures } = await calibrateOn(folder, options);
  const note = "calibrated on a folder of in-distribution pictures: 95 % of them pass";
  return { value: threshold, calibration: { origin: "folder", source: resolve(folder), pictures, note } };
}

import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { listPictures } from "@locoop/datasets";
import { checkWeights, detectFiles, modelOf, thresholdOf } from "../node/detection.js";
import { checkEngineOptions, type EngineOptions } from "../node/engine.js";
import { ensureFile } from "../node/files.js";
import { closeModel } from "../node/model.js";
import { isModulePath } from "../node/plugins.js";
import { readRun } from "../node/run-folder.js";
import { createWorkshop } from "../node/workshop.js";
import { chooseEngine, loadModel } from "./engine-flags.js";
import { notice, percent, print, printJson } from "./output.js";
import { createProgress } from "./progress.js";

interface DetectFlags extends EngineOptions {
  run: string;
  score?: string;
  weights?: string;
  json?: boolean;
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
  const run = await readRun(flags.run);
  const { name, choice, threshold } = await thresholdOf(run, flags.score);
  const paths = await expandPictures(pictures);
  const weights = resolve(flags.weights ?? run.config.model.weights);
  await ensureFile(weights, "weights");
  await checkWeights(run, weights);
  const { engine, threads } = await chooseEngine(flags);
  const model = modelOf(run, { weights, engine });
  await loadModel(model);
  // A worker with a model of its own is worth its start for many pictures only.
  const few = engine.engine === "tfjs" && paths.length < 64 && flags.threads === undefined;
  const workshop = createWorkshop({ model, threads: few ? 1 : threads });
  if (!workshop.here) await closeModel();
  const progress = createProgress({ label: "detect", total: paths.length });
  let found: Awaited<ReturnType<typeof detectFiles>>;
  try {
    found = await detectFiles(run, paths, {
      workshop,
      score: isModulePath(choice) ? choice : name,
      signal,
      onProgress: (done) => progress.update(done),
    });
  } finally {
    progress.end();
    await workshop.dispose();
  }
  const unreadable = found.filter(({ error }) => error !== undefined);
  for (const { path, error } of unreadable) notice(`unreadable: ${path}: ${error}`);
  const { origin, source, pictures: calibrated, note } = run.detector;
  if (flags.json)
    printJson({
      score: name,
      threshold,
      calibration: { origin, source, pictures: calibrated, note },
      unreadable: unreadable.length,
      pictures: found,
    });
  else {
    for (const { path, error, className, confidence, score, isId } of found) {
      if (error !== undefined) print(`${path}: unreadable`);
      else
        print(
          `${path}: ${isId ? className : `none of these (closest: ${className})`}, confidence ${percent(confidence!)} %, ${name} ${score!.toPrecision(6)} ${isId ? ">=" : "<"} ${threshold.toPrecision(6)}`,
        );
    }
    notice(`threshold: ${note} (${calibrated} pictures)`);
  }
  if (unreadable.length > 0) notice(`notice: ${unreadable.length} of ${found.length} pictures are unreadable`);
  if (unreadable.length === found.length) throw new Error(`none of the ${found.length} pictures can be read`);
}

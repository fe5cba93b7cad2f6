import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { listPictures } from "@locoop/datasets";
import { checkWeights, detectFiles, modelOf, thresholdOf } from "../node/detection.js";
import { type BackendName, defaultThreads } from "../node/engine.js";
import { ensureFile } from "../node/files.js";
import { closeModel, openModel } from "../node/model.js";
import { isModulePath } from "../node/plugins.js";
import { readRun } from "../node/run-folder.js";
import { createWorkshop } from "../node/workshop.js";
import { notice, percent, print, printJson } from "./output.js";
import { createProgress } from "./progress.js";

interface DetectFlags {
  run: string;
  score?: string;
  weights?: string;
  backend: BackendName;
  threads?: number;
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
  const run = await readRun(flags.run);
  const { name, choice, threshold } = await thresholdOf(run, flags.score);
  const paths = await expandPictures(pictures);
  const weights = resolve(flags.weights ?? run.config.model.weights);
  await ensureFile(weights, "weights");
  await checkWeights(run, weights);
  // A worker is worth its start for many pictures only.
  const threads = paths.length < 64 && flags.threads === undefined ? 1 : (flags.threads ?? defaultThreads());
  const model = modelOf(run, { weights, backend: flags.backend });
  // Opened here also where only workers use it: what it has to say is said once, and before the work.
  for (const line of (await openModel(model)).notices) notice(`notice: ${line}`);
  if (threads > 1) await closeModel();
  const workshop = createWorkshop({ model, threads });
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

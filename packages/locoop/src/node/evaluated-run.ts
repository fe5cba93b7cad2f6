import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { MethodResult, ScoreResult } from "../report/index.js";
import { comparedSettings } from "./compared-runs.js";
import { EVALUATION_FILE, type EvaluationFile } from "./evaluation-file.js";
import { ensureFolder, exists, readJson } from "./files.js";
import { measure } from "./measure.js";
import { readScores } from "./read-scores.js";
import { quote } from "./run-commands.js";
import { readRun, type Run, runState } from "./run-folder.js";
import { readTraining } from "./training-metrics.js";

/** What a folder holds for a report: a trained run, the scores of an evaluation, or both. */
export interface EvaluatedRun {
  readonly dir: string;
  /** Undefined for a method that was not trained, such as zero-shot CLIP. */
  readonly run?: Run;
  readonly result: MethodResult;
  readonly classNames: readonly string[];
  /** What measured it, where that is recorded. */
  readonly evaluateCommand?: string;
  readonly notes: readonly string[];
}

/**
 * Reads what `locoop train` and `locoop evaluate` left in a folder; nothing in it is executed, and no picture is looked at.
 *
 * @throws if the folder holds neither a run nor scores, or they are damaged
 */
export async function readEvaluated(dir: string): Promise<EvaluatedRun> {
  await ensureFolder(dir, "report");
  const state = await runState(dir);
  const run = state === "none" ? undefined : await readRun(dir);
  const file = await evaluationOf(dir);
  if (!run && !file)
    throw new Error(
      `report: ${dir} holds neither a run nor scores; name a folder that "locoop train" or "locoop evaluate --out" wrote`,
    );
  const settings = run && comparedSettings(run.config);
  const { method = "run", shots, seed } = run?.config.settings ?? file ?? {};
  const facts = { method, shots, seed, settings: settings ?? file?.settings, training: await readTraining(dir) };
  const classNames = run?.classNames ?? file?.classNames ?? [];
  if (!file)
    return {
      dir,
      run,
      classNames,
      result: { ...facts, scores: {} },
      notes: [`${dir} was not evaluated: its training is shown, and no score (locoop evaluate --run ${dir}).`],
    };
  const [id, ...ood] = await Promise.all(
    file.sets.map(async (set) => ({ ...set, table: await readScores(join(dir, "scores", set.file), set.root) })),
  );
  if (!id) throw new Error(`report: ${join(dir, EVALUATION_FILE)} names no set; evaluate the run anew`);
  const scores: Record<string, ScoreResult> = {};
  const byName = (sets: typeof ood, score: string): Record<string, Float64Array> =>
    Object.fromEntries(
      sets.flatMap(({ name, table }) => (table.scores.has(score) ? [[name, table.scores.get(score)!]] : [])),
    );
  for (const [score, values] of id.table.scores) {
    const main = byName(
      ood.filter(({ averaged }) => averaged !== false),
      score,
    );
    const beside = byName(
      ood.filter(({ averaged }) => averaged === false),
      score,
    );
    if (Object.keys(main).length > 0) scores[score] = measure(values, main, beside);
  }
  const { labels, predictions, paths } = id.table;
  const right = predictions.filter((prediction, i) => prediction === labels[i]).length;
  return {
    dir,
    run,
    classNames,
    evaluateCommand: run && id.root !== "" ? evaluateCommand(dir, file) : undefined,
    result: {
      ...facts,
      accuracy: labels.length > 0 ? right / labels.length : undefined,
      scores,
      pictures: {
        id: { paths, labels, predictions },
        ood: Object.fromEntries(ood.map(({ name, table }) => [name, table])),
      },
    },
    notes:
      file.unreadable.length > 0
        ? [`${dir}: ${file.unreadable.length} unreadable pictures were left out of its evaluation.`]
        : [],
  };
}

function evaluateCommand(dir: string, { sets, scores }: EvaluationFile): string {
  const [id, ...ood] = sets;
  const words = ["--run", dir, "--id", id!.root, ...ood.flatMap(({ name, root }) => ["--ood", `${name}=${root}`])];
  return ["locoop", "evaluate", ...words, "--score", scores.join(",")].map(quote).join(" ");
}

/** What the scores of a folder are of; of one written before that was recorded, what their names say. */
async function evaluationOf(dir: string): Promise<EvaluationFile | undefined> {
  const path = join(dir, EVALUATION_FILE);
  if (await exists(path)) {
    const file = await readJson<EvaluationFile>(path, "report");
    if (file.version !== 1 || !Array.isArray(file.sets))
      throw new Error(`report: ${path} is not of format 1; use the version that wrote it, or evaluate the run anew`);
    const outside = file.sets.find(({ file: name }) => typeof name !== "string" || basename(name) !== name);
    if (outside) throw new Error(`report: ${path} names a file outside the folder: refused; evaluate the run anew`);
    return file;
  }
  const names = (await readdir(join(dir, "scores")).catch(() => [])).filter((name) => name.endsWith(".csv")).sort();
  if (!names.includes("id.csv")) return undefined;
  const sets = ["id.csv", ...names.filter((name) => name !== "id.csv")].map((name) => ({
    name: basename(name, ".csv"),
    file: name,
    root: "",
  }));
  return { version: 1, method: basename(resolve(dir)), scores: [], sets, unreadable: [] };
}

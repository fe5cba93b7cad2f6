import { join, resolve } from "node:path";
import type { Clip } from "@locoop/clip";
import { checkWeights, modelOf } from "../node/detection.js";
import { checkEngineOptions, type EngineOptions } from "../node/engine.js";
import { errorLine } from "../node/errors.js";
import { type EvaluatedRun, readEvaluated } from "../node/evaluated-run.js";
import { closeModel } from "../node/model.js";
import { checkTogether, reportOfRuns, shownRun } from "../node/report-of-runs.js";
import { quote } from "../node/run-commands.js";
import { resolveWeights } from "../node/weights-name.js";
import { ensureWritableFolder } from "../node/writable-folder.js";
import { formatTable, summarise, writeReport } from "../report/index.js";
import { chooseEngine, loadModel } from "./engine-flags.js";
import { notice, print, printBlock, printJson } from "./output.js";

interface ReportFlags extends EngineOptions {
  out?: string;
  weights?: string;
  pictures: boolean;
  json?: boolean;
}

/** `locoop report`. */
export async function reportCommand(dirs: readonly string[], flags: ReportFlags, signal: AbortSignal): Promise<void> {
  checkEngineOptions(flags);
  const all: EvaluatedRun[] = [];
  for (const dir of dirs) all.push(await readEvaluated(dir));
  await checkTogether(all);
  const out = flags.out ?? (dirs.length === 1 ? dirs[0]! : "report");
  await ensureWritableFolder(out, "--out");
  const notes: string[] = [];
  try {
    const clip = flags.pictures ? await openShown(all, flags, notes) : undefined;
    const command = ["locoop", ...process.argv.slice(2)].map(quote).join(" ");
    const data = await reportOfRuns(all, { clip, pictures: flags.pictures, notes, command, signal });
    for (const note of data.notes) notice(`notice: ${note}`);
    await writeReport(data, resolve(out));
    const summary = summarise(data.methods);
    const report = join(out, "report.html");
    if (flags.json) return printJson({ report, notes: data.notes, summary });
    printBlock(formatTable(summary));
    print();
    print(`report: ${report}`);
  } finally {
    await closeModel();
  }
}

/** The model of the run whose pictures are shown; without it they are shown without regions, and a note says why. */
async function openShown(all: readonly EvaluatedRun[], flags: ReportFlags, notes: string[]): Promise<Clip | undefined> {
  const run = shownRun(all)?.run;
  if (!run) return undefined;
  let weights: string;
  try {
    weights = await resolveWeights(flags.weights ?? run.config.model.weights);
    await checkWeights(run, weights);
  } catch (error) {
    if (flags.weights !== undefined) throw error;
    notes.push(`Regions are not shown: ${errorLine(error)}`);
    return undefined;
  }
  const { engine } = await chooseEngine(flags);
  return loadModel(modelOf(run, { weights, engine }));
}

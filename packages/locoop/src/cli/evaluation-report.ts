import type { Dataset } from "@locoop/datasets";
import { describeSettings } from "../node/compared-runs.js";
import { describeEnvironment, type EngineChoice } from "../node/engine.js";
import type { EvaluationResult } from "../node/evaluation.js";
import { quote, trainCommand } from "../node/run-commands.js";
import type { Run, RunClass } from "../node/run-folder.js";
import type { RegionPicture, ReportData } from "../report/index.js";

/** What a report on an evaluation is made of. */
export interface EvaluationReport {
  readonly engine: EngineChoice;
  readonly template: string;
  readonly threads: number;
  readonly scores: readonly string[];
  readonly runs: readonly Run[];
  readonly dataset: Dataset;
  readonly classes: readonly RunClass[];
  readonly result: EvaluationResult;
  readonly regions: readonly RegionPicture[];
  readonly mistakes?: ReportData["mistakes"];
  readonly progress?: ReportData["progress"];
  /** What was noticed on the way. */
  readonly notes: readonly string[];
}

/** The report of `locoop evaluate`. */
export async function evaluationReport({
  engine,
  template,
  threads,
  scores,
  runs,
  dataset,
  classes,
  result,
  regions,
  mistakes,
  progress,
  notes: noticed,
}: EvaluationReport): Promise<ReportData> {
  const settings: Record<string, string> = {
    "ID pictures": dataset.root,
    scores: scores.join(", "),
    ...(result.methods.some(({ method }) => method === "zero-shot") ? { "zero-shot template": template } : {}),
    ...describeSettings(runs.map(({ config }) => config)),
    ...(regions.length > 0 && runs.length > 1 ? { "regions by": runs[0]!.dir } : {}),
  };
  const notes = [
    ...new Set(
      runs.flatMap(({ detector, config }) => [
        `The detector's threshold is ${detector.note} (${detector.pictures} pictures).`,
        ...config.notices,
      ]),
    ),
    ...noticed,
    ...(result.unreadable.length > 0
      ? [
          `${result.unreadable.length} unreadable pictures were skipped: ${result.unreadable
            .slice(0, 10)
            .map(({ path }) => path)
            .join(", ")}${result.unreadable.length > 10 ? ", ..." : ""}`,
        ]
      : []),
  ];
  return {
    title: "Out-of-distribution detection",
    settings,
    environment: await describeEnvironment(engine, { threads: String(threads) }),
    classNames: classes.map(({ name }) => name),
    notes,
    methods: result.methods,
    regions,
    mistakes,
    progress,
    commands: [...runs.map(trainCommand), ["locoop", ...process.argv.slice(2)].map(quote).join(" ")],
  };
}

import { realpath } from "node:fs/promises";
import type { ReportData, RegionPicture } from "../report/index.js";
import { mainRun } from "../report/groups.js";
import { checkComparable, describeSettings } from "./compared-runs.js";
import { thinOut } from "./data.js";
import { UsageError } from "./errors.js";
import type { EvaluatedRun } from "./evaluated-run.js";
import { findMistakes, findProgress } from "./report-pictures.js";
import { trainCommand } from "./run-commands.js";
import type { Run } from "./run-folder.js";
import { judgeRegions } from "./visualization.js";
import type { Clip } from "@locoop/clip";

// Pictures with their ID-irrelevant regions in the report.
const SHOWN = 6;

/** The trained run among several whose single pictures a report shows, if the one it would show was trained. */
export function shownRun(all: readonly EvaluatedRun[]): EvaluatedRun | undefined {
  const main = mainRun(all.map(({ result }) => result));
  return all.find(({ result }) => result === main?.run);
}

/** Refuses folders that cannot stand in one table. */
export async function checkTogether(all: readonly EvaluatedRun[]): Promise<void> {
  const places = new Map<string, string>();
  for (const { dir } of all) {
    const place = await realpath(dir).catch(() => dir);
    if (places.has(place))
      throw new UsageError(`report: ${dir} comes twice, which a mean would count twice; name it once`);
    places.set(place, dir);
  }
  await checkComparable(all.flatMap(({ run }) => (run ? [run] : [])));
  const known = all.filter(({ classNames }) => classNames.length > 0);
  const other = known.find(({ classNames }) => classNames.join("\n") !== known[0]!.classNames.join("\n"));
  if (other) throw new Error(`report: ${other.dir} has other classes than ${known[0]!.dir}; report on them apart`);
}

/** What is noticed about runs side by side. */
function notesOf(all: readonly EvaluatedRun[]): string[] {
  const measured = all.filter(({ result }) => result.pictures);
  const key = ({ result }: EvaluatedRun): string => result.pictures!.id.paths.join("\n");
  const other = measured.find((run) => key(run) !== key(measured[0]!));
  return [
    ...new Set([
      ...all.flatMap(({ notes, run }) => [
        ...notes,
        ...(run
          ? [
              `The detector's threshold is ${run.detector.note} (${run.detector.pictures} pictures).`,
              ...run.config.notices,
            ]
          : []),
      ]),
      ...(other
        ? [
            `${other.dir} was measured on other in-distribution pictures than ${measured[0]!.dir}: their figures do not compare picture by picture.`,
          ]
        : []),
    ]),
  ];
}

/** Facts of a run's making: where its own environment is recorded. */
function environmentOf(all: readonly EvaluatedRun[]): Record<string, string> {
  const configs = all.flatMap(({ run }) => (run ? [run.config] : []));
  const list = (of: (config: Run["config"]) => string): string => [...new Set(configs.map(of))].join("; ");
  if (configs.length === 0) return {};
  return {
    trained: list(({ created }) => created.slice(0, 10)),
    weights: list(({ model }) => `${model.weights} (SHA-256 ${model.sha256})`),
    engine: list(({ engine }) =>
      Object.entries(engine)
        .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
        .join(", "),
    ),
    machine: list(({ machine }) => `${machine.platform} ${machine.arch}`),
    threads: list(({ threads }) => String(threads)),
    "training pictures": list(({ data }) => `${data.pictures} of ${data.classes} classes in ${data.root}`),
    versions: list(({ versions }) =>
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ),
  };
}

/** A report on what runs recorded; with `clip`, the model of the run that is shown, also its regions. */
export async function reportOfRuns(
  all: readonly EvaluatedRun[],
  {
    clip,
    pictures = true,
    notes = [],
    command,
    signal,
  }: { clip?: Clip; pictures?: boolean; notes?: readonly string[]; command: string; signal?: AbortSignal },
): Promise<ReportData> {
  const classNames = all.find(({ classNames: names }) => names.length > 0)?.classNames ?? [];
  const methods = all.map(({ result }) => result);
  const runs = all.flatMap(({ run }) => (run ? [run] : []));
  const shown = shownRun(all);
  const run = shown?.run;
  const judge = run && clip && { clip, classNames, classFeatures: run.classFeatures, topK: run.config.settings.topK };
  const id = shown?.result.pictures?.id;
  const items = id ? id.paths.map((path, i) => ({ path, label: id.labels[i]! })) : [];
  const regions: RegionPicture[] = [];
  if (pictures && run && clip)
    for (const { path, label } of thinOut(items, SHOWN)) {
      const { classes, classFeatures } = run;
      const { topK } = run.config.settings;
      const picture = await judgeRegions(path, { clip, classes, classFeatures, topK, label }).catch(() => undefined);
      if (picture) regions.push(picture);
    }
  const progress = pictures && run && clip ? await findProgress(run, { clip, items, signal }) : undefined;
  const name = mainRun(methods)?.name;
  return {
    title:
      runs.length === 1 && all.length === 1
        ? `${run?.config.settings.method ?? "Run"}: report`
        : "Out-of-distribution detection",
    settings: { folders: all.map(({ dir }) => dir).join(", "), ...describeSettings(runs.map(({ config }) => config)) },
    environment: environmentOf(all),
    classNames,
    notes: [...notesOf(all), ...notes],
    methods,
    regions,
    mistakes: pictures ? await findMistakes(methods, { classNames, judgeOf: () => judge }) : undefined,
    progress: progress && name !== undefined ? { name, pictures: progress } : undefined,
    commands: [...runs.map(trainCommand), ...all.flatMap(({ evaluateCommand }) => evaluateCommand ?? []), command],
  };
}

import { type CheckedSet, type DataProblem, type FolderReport, writeSplit } from "@locoop/datasets";
import { checkData } from "../node/check-data.js";
import { escapeControls, UsageError } from "../node/errors.js";
import { importSplit } from "../node/import-split.js";
import { alignColumns } from "../report/columns.js";
import { notice, paint, print, printBlock, printJson, terminalWidth } from "./output.js";
import { createProgress, type Progress } from "./progress.js";

interface ImportFlags {
  data: string;
  out: string;
  prefix?: string;
  shots?: number;
  seed?: number;
  json?: boolean;
}

/** `locoop datasets import`. */
export async function importCommand(file: string, { out, json, ...options }: ImportFlags): Promise<void> {
  if (options.seed !== undefined && options.shots === undefined)
    throw new UsageError("--seed is that of a draw: give --shots, or leave out --seed to take the pictures as listed");
  const { split, notices, trainable } = await importSplit({ file, ...options });
  await writeSplit(out, split);
  for (const line of notices) notice(`notice: ${line}`);
  const { root, classNames, shots, seed, train, val, calibration } = split;
  if (json) {
    const pictures = { train: train.length, val: val.length, calibration: calibration.length };
    printJson({ split: out, root, classes: classNames.length, shots, seed, pictures, trainable, notices });
    return;
  }
  const drawn = shots === undefined ? "" : `, ${shots} shots${seed === undefined ? "" : ` of seed ${seed}`}`;
  print(`${out}: ${train.length} pictures of ${classNames.length} classes${drawn}; ${val.length} to validate`);
  if (trainable) notice(`to use it: locoop train --data ${options.data} --split ${out}`);
}

interface CheckFlags {
  benchmark?: string[];
  ood?: { name: string; dir: string }[];
  shots?: number;
  classNames?: string;
  decode?: boolean;
  threads?: number;
  json?: boolean;
}

const benchmarks = ["imagenet", "ood", "folders"] as const;

/** `locoop datasets check`. */
export async function checkCommand(
  dir: string,
  { benchmark, ood, shots, classNames, decode, threads, json }: CheckFlags,
  signal: AbortSignal,
): Promise<void> {
  const unknown = benchmark?.find((name) => !benchmarks.includes(name as (typeof benchmarks)[number]));
  if (unknown !== undefined) throw new UsageError(`--benchmark: expected ${benchmarks.join(", ")}, got ${unknown}`);
  const progress = createStages();
  let report: FolderReport;
  try {
    report = await checkData(dir, {
      benchmarks: benchmark as FolderReport["benchmarks"] | undefined,
      ood,
      shots,
      classNames,
      decode,
      threads,
      signal,
      onProgress: progress.show,
    });
  } finally {
    progress.end();
  }
  if (json) printJson(report);
  else printReport(report);
  if (report.met) return;
  const errors = report.problems.filter(({ severity }) => severity === "error").length;
  throw new Error(
    `${report.root} is not what is expected of ${report.benchmarks.join(" and ")}: ${errors} ${errors === 1 ? "error" : "errors"}`,
  );
}

const words = { list: "list", look: "look at", decode: "decode", compare: "compare" };

/** A progress line for each stage. */
function createStages(): { show(stage: keyof typeof words, done: number, total?: number): void; end(): void } {
  let shown: { stage: string; line: Progress } | undefined;
  return {
    show(stage, done, total) {
      if (shown?.stage !== stage) {
        shown?.line.end();
        shown = { stage, line: createProgress({ label: words[stage] }) };
      }
      shown.line.update(done, total);
    },
    end() {
      shown?.line.end();
      shown = undefined;
    },
  };
}

const number = (value: number): string => value.toLocaleString("en-US");
const of = (found: number, expected?: number): string =>
  expected === undefined ? number(found) : `${number(found)} of ${number(expected)}`;

function row(set: CheckedSet, problems: readonly DataProblem[]): string[] {
  const { name, root, pictures, classes, smallest, largest, bytes, expected } = set;
  const state = problems.some((problem) => problem.set === name && problem.severity === "error") ? "no" : "yes";
  if (root === undefined) return [name, "not there", of(0, expected.pictures), of(0, expected.classes), "", "", state];
  const range = smallest === largest ? number(smallest ?? 0) : `${number(smallest ?? 0)} to ${number(largest ?? 0)}`;
  const size = bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
  return [name, root, of(pictures, expected.pictures), of(classes, expected.classes), range, size, state];
}

const COLOURS = { error: "red", warning: "yellow", hint: "cyan" } as const;

function printReport({ sets, problems }: FolderReport): void {
  const header = ["set", "folder", "pictures", "classes", "of a class", "size", "as expected"];
  const rows = sets.map((set) => row(set, problems).map(escapeControls));
  printBlock(alignColumns(header, rows, { left: 2, columns: terminalWidth() }).join("\n"));
  if (problems.length > 0) print();
  for (const { severity, set, message, count, examples } of problems) {
    const rest = count > examples.length ? `, and ${number(count - examples.length)} more` : "";
    const some = examples.length === 0 ? "" : ` (${number(count)}: ${examples.join(", ")}${rest})`;
    print(
      paint(COLOURS[severity], severity),
      `${" ".repeat(7 - severity.length)} ${set === undefined ? "" : `${set}: `}${message}${some}`,
    );
  }
}

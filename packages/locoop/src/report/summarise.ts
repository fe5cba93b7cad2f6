import type { MethodResult, ScoreResult } from "./types.js";

/** A mean over seeds; `std` is the sample standard deviation (n - 1), both it and `standardError` are missing at n = 1. */
export interface Statistic {
  readonly mean: number;
  readonly std?: number;
  readonly standardError?: number;
  readonly n: number;
  /** The values in the order of the seeds. */
  readonly values: readonly number[];
}

/** What is known about one OOD set (or the average of all), as fractions. */
export interface SetSummary {
  readonly set: string;
  readonly fpr95: Statistic;
  readonly auroc: Statistic;
  readonly aupr: Statistic;
}

/** One score of one method over the seeds. */
export interface ScoreSummary {
  readonly score: string;
  readonly sets: readonly SetSummary[];
  readonly average: SetSummary;
}

/**
 * One method at one number of shots, over its seeds; `method` names also the settings in which its runs differ, "LoCoOp (lambda 2)",
 * and for paired differences the difference.
 */
export interface MethodSummary {
  readonly method: string;
  readonly shots?: number;
  readonly seeds: readonly (number | undefined)[];
  readonly accuracy?: Statistic;
  readonly scores: readonly ScoreSummary[];
}

/** The numbers of a report: methods in the order given, then differences of runs that share shots and seed. */
export interface Summary {
  readonly sets: readonly string[];
  /** The sets that the averages are over; undefined where the runs do not agree on them. */
  readonly averaged?: readonly string[];
  readonly methods: readonly MethodSummary[];
  readonly paired: readonly MethodSummary[];
}

const metrics = ["fpr95", "auroc", "aupr"] as const;
type Values = Readonly<Record<(typeof metrics)[number], number>>;

/** One run as plain numbers; `sets` keeps the order of its evaluation. */
interface Run {
  readonly method: string;
  /** The method with the settings in which its runs differ. */
  readonly label: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly shots?: number;
  readonly seed?: number;
  readonly accuracy?: number;
  readonly scores: ReadonlyMap<string, { readonly sets: ReadonlyMap<string, Values>; readonly average: Values }>;
}

/** Mean, sample standard deviation and standard error of values (at least one). */
export function statistic(values: readonly number[]): Statistic {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, n, values };
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  return { mean, std, standardError: std / Math.sqrt(n), n, values };
}

const readScore = ({ evaluation }: ScoreResult) => ({
  sets: new Map(evaluation.rows.map((row): [string, Values] => [row.set, row])),
  average: evaluation.average as Values,
});

const readRun = ({ method, shots, seed, settings = {}, accuracy, scores }: MethodResult, label: string): Run => ({
  method,
  label,
  settings,
  shots,
  seed,
  accuracy,
  scores: new Map(Object.entries(scores).map(([score, result]) => [score, readScore(result)])),
});

/**
 * What tables call each run: its method, with every setting in which runs of that method differ, "LoCoOp (lambda 2)". Shots and
 * seed are no part of it.
 */
export function labelRuns(runs: readonly Pick<MethodResult, "method" | "settings">[]): string[] {
  return runs.map(({ method, settings = {} }) => {
    const same = runs.filter((run) => run.method === method);
    const keys = unique(same.flatMap((run) => Object.keys(run.settings ?? {})));
    const varying = keys.filter((key) => unique(same.map((run) => run.settings?.[key])).length > 1);
    const named = varying.map((key) => (settings[key] === undefined ? `no ${key}` : `${key} ${settings[key]}`));
    return named.length > 0 ? `${method} (${named.join(", ")})` : method;
  });
}

const unique = <T>(values: Iterable<T>): T[] => [...new Set(values)];
const defined = <T>(value: T | undefined): value is T => value !== undefined;

function summariseValues(set: string, values: readonly Values[]): SetSummary {
  const of = (metric: keyof Values) => statistic(values.map((value) => value[metric]));
  return { set, fpr95: of("fpr95"), auroc: of("auroc"), aupr: of("aupr") };
}

function summariseScore(score: string, runs: readonly Run[]): ScoreSummary {
  const results = runs.map((run) => run.scores.get(score)).filter(defined);
  const sets = unique(results.flatMap((result) => [...result.sets.keys()]));
  return {
    score,
    sets: sets.map((set) => summariseValues(set, results.map((result) => result.sets.get(set)).filter(defined))),
    average: summariseValues(
      "average",
      results.map((result) => result.average),
    ),
  };
}

function groupRuns(runs: readonly Run[]): Run[][] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const key = JSON.stringify([run.label, run.shots]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()];
}

function summariseGroup(runs: readonly Run[]): MethodSummary {
  const accuracies = runs.map((run) => run.accuracy).filter(defined);
  return {
    method: runs[0]!.label,
    shots: runs[0]!.shots,
    seeds: runs.map((run) => run.seed),
    accuracy: accuracies.length > 0 ? statistic(accuracies) : undefined,
    scores: unique(runs.flatMap((run) => [...run.scores.keys()])).map((score) => summariseScore(score, runs)),
  };
}

function subtract(a: Values, b: Values): Values {
  return { fpr95: a.fpr95 - b.fpr95, auroc: a.auroc - b.auroc, aupr: a.aupr - b.aupr };
}

/** The difference of two runs, on the scores and sets that both have. */
function differ(a: Run, b: Run): Run {
  const scores = [...a.scores].flatMap(([score, left]) => {
    const right = b.scores.get(score);
    if (!right) return [];
    const sets = [...left.sets].flatMap(([set, values]): [string, Values][] => {
      const other = right.sets.get(set);
      return other ? [[set, subtract(values, other)]] : [];
    });
    return [[score, { sets: new Map(sets), average: subtract(left.average, right.average) }] as const];
  });
  return {
    method: `${a.method} \u2212 ${b.method}`,
    label: `${a.label} \u2212 ${b.label}`,
    settings: a.settings,
    shots: a.shots,
    seed: a.seed,
    accuracy: a.accuracy === undefined || b.accuracy === undefined ? undefined : a.accuracy - b.accuracy,
    scores: new Map(scores),
  };
}

// In these a method is itself and its rival another.
const own = new Set(["lambda", "topK"]);

/** Whether two runs differ in nothing but what makes their methods, so that their difference means something. */
function comparable(a: Run, b: Run): boolean {
  if (a.shots !== b.shots || a.seed !== b.seed) return false;
  const keys = unique([...Object.keys(a.settings), ...Object.keys(b.settings)]);
  return keys.every((key) => own.has(key) || a.settings[key] === b.settings[key]);
}

/** The leading sets of a run whose plain mean is its average: sets beyond them were measured beside it, near-OOD say. */
function countAveraged({ sets, average }: { sets: ReadonlyMap<string, Values>; average: Values }): number {
  const rows = [...sets.values()];
  const isMean = (count: number): boolean =>
    metrics.every((metric) => {
      const mean = rows.slice(0, count).reduce((sum, row) => sum + row[metric], 0) / count;
      return Math.abs(mean - average[metric]) < 1e-9;
    });
  for (let count = rows.length; count > 0; count--) if (isMean(count)) return count;
  return 0;
}

function findAveraged(runs: readonly Run[]): string[] | undefined {
  const lists = runs.flatMap((run) =>
    [...run.scores.values()].map((score) => JSON.stringify([...score.sets.keys()].slice(0, countAveraged(score)))),
  );
  const [list, ...others] = unique(lists);
  return list === undefined || list === "[]" || others.length > 0 ? undefined : (JSON.parse(list) as string[]);
}

/**
 * Means and deviations over seeds, and the paired differences LoCoOp - CoOp of runs with the same shots, seed and settings (but
 * lambda and K, which make the methods).
 * Methods, scores and sets keep the order in which they are given; numbers are fractions.
 *
 * @example
 * ```ts
 * import { evaluate } from "@locoop/ood-metrics";
 * import { formatTable, summarise } from "locoop/node";
 *
 * const ood = { SUN: Float64Array.of(0.3, 0.5) };
 * const run = (method: string, seed: number, id: Float64Array) =>
 *   ({ method, shots: 1, seed, scores: { mcm: { id, ood, evaluation: evaluate(id, ood) } } });
 * const summary = summarise([
 *   run("CoOp", 1, Float64Array.of(0.9, 0.4)),
 *   run("LoCoOp", 1, Float64Array.of(0.9, 0.6)),
 * ]);
 * console.log(summary.paired[0]?.scores[0]?.average.auroc.mean); // → 0.25
 * console.log(formatTable(summary));
 * ```
 */
export function summarise(
  results: readonly MethodResult[],
  { pair = ["LoCoOp", "CoOp"] }: { pair?: readonly [string, string] } = {},
): Summary {
  const labels = labelRuns(results);
  const runs = results.map((result, i) => readRun(result, labels[i]!));
  const named = (name: string) => runs.filter((run) => run.method.toLowerCase() === name.toLowerCase());
  const rivals = named(pair[1]);
  const differences = named(pair[0]).flatMap((run) => {
    const fit = rivals.filter((other) => comparable(run, other));
    const rival = fit.find(({ settings }) => settings["topK"] === run.settings["topK"]) ?? fit[0];
    return rival ? [differ(run, rival)] : [];
  });
  const methods = groupRuns(runs).map(summariseGroup);
  return {
    sets: unique(methods.flatMap((method) => method.scores.flatMap((score) => score.sets.map((row) => row.set)))),
    averaged: findAveraged(runs),
    methods,
    paired: groupRuns(differences).map(summariseGroup),
  };
}

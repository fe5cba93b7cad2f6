import { alignColumns } from "./columns.js";
import { escapeTerminal } from "./escape.js";
import type { MethodSummary, ScoreSummary, SetSummary, Statistic, Summary } from "./summarise.js";

/** A fraction as percent with one decimal, "18.3 ± 1.2" over several seeds; a dash where there is no value. */
export function formatPercent(
  value: Statistic | undefined,
  { deviation = "std", sign = false }: { deviation?: "std" | "standardError"; sign?: boolean } = {},
): string {
  if (value === undefined || !Number.isFinite(value.mean)) return "\u2013";
  const percent = (value.mean * 100).toFixed(1).replace(/^-0\.0$/, "0.0");
  const mean = `${sign && value.mean > 0 && percent !== "0.0" ? "+" : ""}${percent}`.replace("-", "\u2212");
  const spread = value[deviation];
  return spread === undefined ? mean : `${mean} \u00b1 ${(spread * 100).toFixed(1)}`;
}

/** What the averages are over, where that needs saying: not where every set is in them. */
export function describeAverage({ sets, averaged }: Summary): string {
  if (averaged === undefined || averaged.length === sets.length) return "";
  return `The average is over ${averaged.join(", ")}.`;
}

/** A score's summary on a set; undefined where it was not evaluated there. */
export const findSet = (score: ScoreSummary, set: string): SetSummary | undefined =>
  score.sets.find((row) => row.set === set);

/** A method's scores; a single gap for one that was judged by accuracy alone, so that it keeps its row. */
export const scoresOf = ({ scores }: MethodSummary): readonly (ScoreSummary | undefined)[] =>
  scores.length > 0 ? scores : [undefined];

/** "LoCoOp, 4 shots" */
export const methodLabel = ({ method, shots }: { method: string; shots?: number }): string =>
  shots === undefined ? method : `${method}, ${shots} ${shots === 1 ? "shot" : "shots"}`;

/** Score names as the papers write them: "gl-mcm" is GL-MCM; names of a user's own stay as they are. */
export const scoreLabel = (score: string): string =>
  /^(?:[lg]l?-)?mcm$|^msp$|^gen$/.test(score) ? score.toUpperCase() : score;

interface TableOptions {
  readonly deviation?: "std" | "standardError";
  readonly sign?: boolean;
  readonly columns?: number;
}

function metricTable(
  methods: readonly MethodSummary[],
  sets: readonly string[],
  metric: "fpr95" | "auroc",
  o: TableOptions,
) {
  const header = ["method", "score", ...sets.map(escapeTerminal), "average"];
  const rows = methods.flatMap((method) =>
    method.scores.map((score) => [
      escapeTerminal(methodLabel(method)),
      escapeTerminal(scoreLabel(score.score)),
      ...sets.map((set) => formatPercent(findSet(score, set)?.[metric], o)),
      formatPercent(score.average[metric], o),
    ]),
  );
  return rows.length === 0 ? [] : alignColumns(header, rows, { left: 2, columns: o.columns });
}

function accuracyTable(methods: readonly MethodSummary[], o: TableOptions): string[] {
  const rows = methods.filter((method) => method.accuracy !== undefined);
  if (rows.length === 0) return [];
  const cells = rows.map((method) => [escapeTerminal(methodLabel(method)), formatPercent(method.accuracy, o)]);
  return alignColumns(["method", "accuracy"], cells, { columns: o.columns });
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, "", ...lines, ""];
}

/**
 * The summary as aligned plain text for a terminal: FPR95, AUROC and accuracy in percent, mean and standard deviation over
 * seeds, then the paired differences with their standard error. Control characters in names are shown as escapes. A table that is
 * wider than `columns` (as many as it takes, by default) is a block of lines for each row instead.
 *
 * @example
 * ```ts
 * import { evaluate } from "@locoop/ood-metrics";
 * import { formatTable, summarise } from "locoop/node";
 *
 * const id = Float64Array.of(0.9, 0.8, 0.4);
 * const ood = { SUN: Float64Array.of(0.3, 0.5) };
 * const scores = { mcm: { id, ood, evaluation: evaluate(id, ood) } };
 * console.log(formatTable(summarise([{ method: "zero-shot", accuracy: 0.5, scores }])));
 * ```
 */
export function formatTable(summary: Summary, { columns }: { columns?: number } = {}): string {
  const { sets, methods, paired } = summary;
  const average = escapeTerminal(describeAverage(summary));
  const runs = Math.max(0, ...methods.map((method) => method.seeds.length));
  const over = runs > 1 ? `, mean \u00b1 standard deviation over up to ${runs} seeds` : "";
  const differences = paired.flatMap((pair) => {
    const name = escapeTerminal(methodLabel(pair));
    const n = pair.seeds.length;
    const o = { deviation: "standardError", sign: true } as const;
    const rows = pair.scores.map((score, i) => [
      escapeTerminal(scoreLabel(score.score)),
      formatPercent(score.average.fpr95, o),
      formatPercent(score.average.auroc, o),
      i === 0 ? formatPercent(pair.accuracy, o) : "", // accuracy does not depend on the score
    ]);
    const title = `${name}: paired difference in points${n > 1 ? ` (mean \u00b1 standard error, n = ${n})` : " (n = 1)"}`;
    return section(title, alignColumns(["on average", "FPR95", "AUROC", "accuracy"], rows, { columns }));
  });
  return [
    ...section(`FPR95 in %, lower is better${over}`, metricTable(methods, sets, "fpr95", { columns })),
    ...(average ? [average, ""] : []),
    ...section(`AUROC in %, higher is better${over}`, metricTable(methods, sets, "auroc", { columns })),
    ...section(`Accuracy on in-distribution pictures in %${over}`, accuracyTable(methods, { columns })),
    ...differences,
  ].join("\n");
}

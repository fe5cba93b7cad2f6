import { escapeCsv, escapeMarkdown } from "./escape.js";
import { perClass } from "./per-class.js";
import { isPaperBenchmark, PAPER_SETS, PUBLISHED, PUBLISHED_SOURCE } from "./published.js";
import { labelRuns, summarise } from "./summarise.js";
import type { MethodSummary } from "./summarise.js";
import { describeAverage, findSet, formatPercent, methodLabel, scoreLabel, scoresOf } from "./table.js";
import type { MethodResult, Mistakes, ReportData } from "./types.js";

const fractions = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1] as const;

/** Count, mean and quantiles (linear between neighbours) of scores: the shape of a distribution without its pictures. */
function describeScores(values: Float64Array) {
  const sorted = Float64Array.from(values).sort();
  const at = (fraction: number): number => {
    const position = fraction * (sorted.length - 1);
    const low = sorted[Math.floor(position)]!;
    return low + (sorted[Math.ceil(position)]! - low) * (position % 1);
  };
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return {
    count: sorted.length,
    ...(sorted.length > 0 && { mean, quantiles: fractions.map((fraction) => [fraction, at(fraction)]) }),
  };
}

const describeRun = ({ method, shots, seed, settings, accuracy, scores, training }: MethodResult) => ({
  method,
  shots,
  seed,
  settings,
  accuracy,
  training,
  scores: Object.entries(scores).map(([score, { id, ood, evaluation }]) => ({
    score,
    rows: evaluation.rows,
    average: evaluation.average,
    distributions: {
      id: describeScores(id),
      ood: Object.entries(ood).map(([set, values]) => ({ set, ...describeScores(values) })),
    },
  })),
});

const describeMistakes = (mistakes: ReportData["mistakes"]) => {
  if (!mistakes) return undefined;
  const list = (side: Mistakes["rejected"]) =>
    side.map(({ set, value, prediction, picture }) => ({
      set,
      value,
      prediction,
      title: picture.title,
      label: picture.label,
    }));
  const { name, score, threshold, rejected, accepted } = mistakes;
  return { name, score, threshold, rejected: list(rejected), accepted: list(accepted) };
};

/**
 * All numbers of the report as JSON (fractions, full precision); the per-picture scores are not in it.
 *
 * @example
 * ```ts
 * import { toReportJson } from "locoop/node";
 * const text = toReportJson({
 *   title: "Pets", settings: {}, environment: {}, classNames: ["cat"], notes: [], methods: [], regions: [], commands: [],
 * });
 * console.log(JSON.parse(text).title); // → Pets
 * ```
 */
export function toReportJson(data: ReportData): string {
  const { title, settings, environment, classNames, notes, commands, methods, regions } = data;
  const pictures = regions.map(({ title, label, grid, mask }) => ({ title, label, grid, mask: mask.join("") }));
  const classes = perClass(methods, classNames.length);
  const perClassOf = classes && {
    score: classes.score,
    methods: classes.methods,
    rows: classes.rows.map(({ label, ...row }) => ({ class: classNames[label], ...row })),
  };
  const published = isPaperBenchmark(data)
    ? { source: PUBLISHED_SOURCE, sets: Object.keys(PAPER_SETS), rows: PUBLISHED }
    : undefined;
  const report = { perClass: perClassOf, published, mistakes: describeMistakes(data.mistakes) };
  const numbers = { version: 1, title, notes, summary: summarise(methods), runs: methods.map(describeRun) };
  return `${JSON.stringify({ ...numbers, ...report, regions: pictures, settings, environment, classNames, commands }, null, 2)}\n`;
}

/**
 * One line per run, score and OOD set (and the average), fractions at full precision.
 *
 * @example
 * ```ts
 * import { toReportCsv } from "locoop/node";
 * const text = toReportCsv({
 *   title: "Pets", settings: {}, environment: {}, classNames: ["cat"], notes: [], methods: [], regions: [], commands: [],
 * });
 * console.log(text.split(",")[0]); // → method
 * ```
 */
export function toReportCsv({ methods }: ReportData): string {
  const header = "method,shots,seed,accuracy,score,set,id_pictures,ood_pictures,fpr95,auroc,aupr";
  const labels = labelRuns(methods);
  const lines = methods.flatMap(({ shots, seed, accuracy, scores }, i) =>
    Object.entries(scores).flatMap(([score, { evaluation }]) => {
      const lead = [escapeCsv(labels[i]!), shots ?? "", seed ?? "", accuracy ?? "", escapeCsv(score)];
      const { average } = evaluation;
      return [
        ...evaluation.rows.map((row) => [...lead, escapeCsv(row.set), row.id, row.ood, row.fpr95, row.auroc, row.aupr]),
        [...lead, "average", "", "", average.fpr95, average.auroc, average.aupr],
      ].map((cells) => cells.join(","));
    }),
  );
  return `${[header, ...lines].join("\n")}\n`;
}

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function markdownTable(
  methods: readonly MethodSummary[],
  sets: readonly string[],
  format: { deviation?: "std" | "standardError"; sign?: boolean } = {},
): string {
  const header = ["method", "score", ...sets.map(escapeMarkdown), "average", "accuracy"];
  const rows = methods.flatMap((method) =>
    scoresOf(method).map((score) => {
      const results = [...sets.map((set) => score && findSet(score, set)), score?.average];
      const cells = results.map(
        (result) => `${formatPercent(result?.fpr95, format)} / ${formatPercent(result?.auroc, format)}`,
      );
      const accuracy = formatPercent(method.accuracy, format);
      return row([
        escapeMarkdown(methodLabel(method)),
        score ? escapeMarkdown(scoreLabel(score.score)) : "\u2013",
        ...cells,
        accuracy,
      ]);
    }),
  );
  return [row(header), row(header.map((_, i) => (i < 2 ? "---" : "---:"))), ...rows].join("\n");
}

const factRows = (facts: Readonly<Record<string, string>>): string[] =>
  Object.entries(facts).map(([name, value]) => `- ${escapeMarkdown(name)}: ${escapeMarkdown(value)}`);

function fenced(lines: readonly string[]): string {
  const text = lines.join("\n");
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}`;
}

/**
 * The report's tables and facts as Markdown, for a pull request or a note.
 *
 * @example
 * ```ts
 * import { toReportMarkdown } from "locoop/node";
 * const text = toReportMarkdown({
 *   title: "Pets", settings: {}, environment: {}, classNames: ["cat"], notes: [], methods: [], regions: [], commands: [],
 * });
 * console.log(text.split("\n")[0]); // → # Pets
 * ```
 */
export function toReportMarkdown(data: ReportData): string {
  const summary = summarise(data.methods);
  const { sets, methods, paired } = summary;
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`## ${title}`, lines.join("\n")];
  const results =
    methods.length === 0
      ? ["No method was evaluated."]
      : [
          `FPR95 / AUROC in percent; mean ± sample standard deviation where there are several seeds. ${escapeMarkdown(describeAverage(summary))}`.trim(),
          "",
          markdownTable(methods, sets),
        ];
  const differences =
    paired.length === 0
      ? []
      : [
          `In percentage points, paired by seed: mean ± standard error, n = ${[...new Set(paired.map((pair) => pair.seeds.length))].join(", ")}.`,
          "",
          markdownTable(paired, sets, { deviation: "standardError", sign: true }),
        ];
  const pair = ([fpr95, auroc]: readonly [number, number]): string => `${fpr95.toFixed(1)} / ${auroc.toFixed(1)}`;
  const published = isPaperBenchmark(data)
    ? [
        `FPR95 / AUROC and accuracy in percent. Source: ${escapeMarkdown(PUBLISHED_SOURCE)}.`,
        "",
        row(["method", "score", ...Object.keys(PAPER_SETS), "average", "accuracy"]),
        row(["---", "---", ...Object.keys(PAPER_SETS).map(() => "---:"), "---:", "---:"]),
        ...PUBLISHED.map(({ method, score, sets: pairs, average, accuracy }) =>
          row([method, score, ...pairs.map(pair), pair(average), accuracy.toFixed(1)]),
        ),
      ]
    : [];
  const blocks = [
    `# ${escapeMarkdown(data.title)}`,
    ...section("Results", results),
    ...section("Paired differences", differences),
    ...section("Published figures", published),
    ...section(
      "Limits",
      data.notes.map((note) => `- ${escapeMarkdown(note)}`),
    ),
    ...section("Settings", factRows(data.settings)),
    ...section("Environment", factRows(data.environment)),
    ...section(
      `Classes (${data.classNames.length})`,
      data.classNames.length ? [data.classNames.map(escapeMarkdown).join(", ")] : [],
    ),
    ...section("Reproduce", data.commands.length ? [fenced(data.commands)] : []),
  ];
  return `${blocks.join("\n\n")}\n`;
}

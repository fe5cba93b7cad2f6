import { thresholdAtTpr } from "@locoop/ood-metrics";
import { sharedRange } from "./charts.js";
import { fprAtShares, rocCurve, sharesAbove, spaced } from "./curves.js";
import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { groupResults, runName } from "./groups.js";
import { dataTable } from "./html-tables.js";
import { lineChart, lineLegend, SERIES } from "./line-chart.js";
import { scoreLabel } from "./table.js";
import type { MethodResult, ScoreResult } from "./types.js";

const percent = (value: number): string => (Number.isFinite(value) ? (value * 100).toFixed(1) : "\u2013");
const SHARES = [0.5, 0.8, 0.9, 0.95, 0.99];

interface Drawn {
  readonly name: string;
  readonly run: MethodResult;
}

/** The first run of each method: what is drawn where all seeds would hide one another. */
const firstRuns = (methods: readonly MethodResult[]): Drawn[] =>
  groupResults(methods)
    .map(({ name, runs }) => ({ name: runName(name, runs[0]!), run: runs[0]! }))
    .filter(({ run }) => Object.keys(run.scores).length > 0)
    .slice(0, SERIES);

/** ROC curves: one drawing per score and OOD set, one line per method. */
export function rocFigures(methods: readonly MethodResult[], document: Document): Markup {
  const drawn = firstRuns(methods);
  const scores = [...new Set(drawn.flatMap(({ run }) => Object.keys(run.scores)))];
  const parts = scores.map((score) => {
    const sets = [...new Set(drawn.flatMap(({ run }) => Object.keys(run.scores[score]?.ood ?? {})))];
    const figures = sets.map((set) => {
      const lines = drawn.flatMap(({ run }, series) => {
        const result = run.scores[score];
        const ood = result?.ood[set];
        return ood && ood.length > 0 && result.id.length > 0 ? [{ series, result, ood }] : [];
      });
      const numbers = lines.map(({ series, result }) => {
        const row = result.evaluation.rows.find((candidate) => candidate.set === set);
        return `${drawn[series]!.name} AUROC ${row ? percent(row.auroc) : "\u2013"} %`;
      });
      return html`<figure>
        ${lineChart({
          lines: lines.map(({ series, result, ood }) => ({ series, points: rocCurve(result.id, ood) })),
          x: { label: "OOD pictures that pass", domain: [0, 1], percent: true },
          y: { label: "ID pictures that pass", domain: [0, 1], percent: true },
          diagonal: true,
          height: 260,
          title: `ROC curves of ${scoreLabel(score)} against ${set}: ${numbers.join("; ")}`,
          document,
        })}
        <figcaption><b>${set}</b></figcaption>
      </figure> `;
    });
    const table = dataTable({
      caption: `${scoreLabel(score)}: share of the OOD pictures in % that pass when so many of the ID pictures do`,
      head: ["OOD set", "method", ...SHARES.map((share) => `${share * 100} % of ID`)],
      headers: 2,
      rows: sets.flatMap((set) =>
        drawn.flatMap(({ name, run }) => {
          const ood = run.scores[score]?.ood[set];
          if (!ood || ood.length === 0) return [];
          return [[set, name, ...fprAtShares(run.scores[score]!.id, ood, SHARES).map(percent)]];
        }),
      ),
    });
    return html`<h3>ROC: ${scoreLabel(score)}</h3>
      <div class="charts">${figures}</div>
      ${table}`;
  });
  return html`${lineLegend(drawn.map(({ name }) => name))}${parts}`;
}

function passing(name: string, score: string, result: ScoreResult, document: Document): Markup {
  const sets = Object.entries(result.ood)
    .filter(([, values]) => values.length > 0)
    .slice(0, SERIES - 1);
  const range = sharedRange(
    result.id,
    sets.map(([, values]) => values),
  );
  const at = spaced(range, 121);
  const threshold = thresholdAtTpr(result.id);
  const curves = [["in-distribution", result.id] as const, ...sets].map(([set, values], series) => ({
    set,
    series,
    points: sharesAbove(values, at).map((y, i) => ({ x: at[i]!, y })),
  }));
  // Thresholds that let 99, 95, 90, 80 and 50 % of the ID pictures pass.
  const thresholds = [...SHARES].reverse().map((tpr) => thresholdAtTpr(result.id, { tpr }));
  const passed = [result.id, ...sets.map(([, values]) => values)].map((values) => sharesAbove(values, thresholds));
  const said = sets.map(([set, values]) => `${set} ${percent(sharesAbove(values, [threshold])[0]!)} %`).join(", ");
  return html`<figure>
    <figcaption><b>${name}: ${scoreLabel(score)}</b></figcaption>
    ${lineChart({
      lines: curves,
      x: { label: "threshold", domain: range },
      y: { label: "pictures that pass", domain: [0, 1], percent: true },
      rules: Number.isFinite(threshold) ? [threshold] : [],
      height: 240,
      title: `Share of pictures at or above each threshold of ${scoreLabel(score)}, ${name}; where 95 % of the in-distribution pictures pass: ${said}`,
      document,
    })}
    ${lineLegend(curves.map(({ set }) => set))}
    ${dataTable({
      caption: `${name}, ${scoreLabel(score)}: pictures that pass, in %`,
      head: ["threshold", ...curves.map(({ set }) => set)],
      headers: 1,
      rows: thresholds.map((value, i) => [value.toPrecision(6), ...passed.map((shares) => percent(shares[i]!))]),
    })}
  </figure> `;
}

/** What passes as the threshold moves: one drawing per method and score, one line per set. */
export function thresholdFigures(methods: readonly MethodResult[], document: Document): Markup {
  const figures = firstRuns(methods).flatMap(({ name, run }) =>
    Object.entries(run.scores)
      .filter(([, result]) => result.id.length > 0)
      .map(([score, result]) => passing(name, score, result, document)),
  );
  return html`<div class="charts wide">${figures}</div> `;
}

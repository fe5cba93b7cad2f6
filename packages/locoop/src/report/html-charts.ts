import { thresholdAtTpr } from "@locoop/ood-metrics";
import { averagesChart, distributionChart, sharedRange } from "./charts.js";
import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { labelRuns } from "./summarise.js";
import type { Summary } from "./summarise.js";
import { methodLabel, scoreLabel } from "./table.js";
import type { MethodResult, ScoreResult } from "./types.js";

const percent = (fraction: number): string =>
  Number.isFinite(fraction) ? `${(fraction * 100).toFixed(1)} %` : "\u2013";

/** The averages over all OOD sets at a glance: one drawing for FPR95, one for AUROC. */
export function averagesFigures({ methods }: Summary, document: Document): Markup {
  const figure = (metric: "fpr95" | "auroc", name: string, better: string): Markup => {
    const rows = methods.flatMap((method) =>
      method.scores.map(({ score, average }) => ({
        label: `${methodLabel(method)} \u00b7 ${scoreLabel(score)}`,
        values: average[metric].values,
        mean: average[metric].mean,
      })),
    );
    const title = `${name} in percent, average over the out-of-distribution sets: ${rows
      .map((row) => `${row.label} ${percent(row.mean)}`)
      .join("; ")}`;
    return html`<figure>
      <figcaption><b>${name}</b> in %, average of the OOD sets; ${better}</figcaption>
      ${averagesChart({ rows, title, document })}
    </figure> `;
  };
  return html`<div class="charts wide">
    ${figure("fpr95", "FPR95", "further left is better")}${figure("auroc", "AUROC", "further right is better")}
  </div> `;
}

const legend = html`<ul class="legend">
  <li>
    <svg viewBox="0 0 32 12" aria-hidden="true">
      <rect width="32" height="12" fill="var(--id)" fill-opacity=".25" />
      <path d="M0,6H32" stroke="var(--id)" stroke-width="2" /></svg
    >in-distribution (solid)
  </li>
  <li>
    <svg viewBox="0 0 32 12" aria-hidden="true">
      <rect width="32" height="12" fill="var(--ood)" fill-opacity=".25" />
      <path d="M0,6H32" stroke="var(--ood)" stroke-width="2" stroke-dasharray="5 3" /></svg
    >out-of-distribution (dashed)
  </li>
  <li>
    <svg viewBox="0 0 32 12" aria-hidden="true">
      <path d="M16,0V12" stroke="currentColor" stroke-width="2" stroke-dasharray="1 2" /></svg
    >threshold that keeps 95 % of the in-distribution pictures (dotted)
  </li>
</ul> `;

function scoreFigures(name: string, score: string, result: ScoreResult, document: Document): Markup {
  const sets = Object.entries(result.ood);
  const range = sharedRange(
    result.id,
    sets.map(([, values]) => values),
  );
  const threshold = result.id.length > 0 ? thresholdAtTpr(result.id) : undefined;
  const figures = sets.map(([set, ood]) => {
    const row = result.evaluation.rows.find((candidate) => candidate.set === set);
    const numbers = row ? `FPR95 ${percent(row.fpr95)}, AUROC ${percent(row.auroc)}` : "not evaluated";
    const title = `Distribution of ${scoreLabel(score)} scores of ${name}: ${result.id.length} in-distribution pictures against ${ood.length} of ${set}; ${numbers}`;
    return html`<figure>
      ${distributionChart({ id: result.id, ood, range, threshold, title, document })}
      <figcaption><b>${set}</b><br />${numbers}</figcaption>
    </figure> `;
  });
  return html`<h3>${name}: ${scoreLabel(score)}</h3>
    <div class="charts">${figures}</div> `;
}

/** Histograms and densities of every method and score, one drawing per OOD set; of several seeds, the first given. */
export function distributionFigures(methods: readonly MethodResult[], document: Document): Markup {
  const seen = new Set<string>();
  const labels = labelRuns(methods);
  const figures = methods.flatMap((run, i) => {
    const label = methodLabel({ method: labels[i]!, shots: run.shots });
    if (seen.has(label)) return [];
    seen.add(label);
    const name = run.seed === undefined ? label : `${label}, seed ${run.seed}`;
    return Object.entries(run.scores).map(([score, result]) => scoreFigures(name, score, result, document));
  });
  return html`${legend}${figures}`;
}

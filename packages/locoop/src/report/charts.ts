import * as Plot from "@observablehq/plot";
import { histogram, kernelDensity, rangeOf } from "./density.js";
import type { Markup } from "./escape.js";
import { escapeHtml } from "./escape.js";

// Drawings take the document that they are made in: linkedom's in Node, a page's own in a browser. Colours are CSS variables of
// the page, so that one drawing serves dark and light; each series also differs by dash.
const style = { fontSize: "11px", fontFamily: "inherit", background: "none", color: "currentColor" };

/**
 * A drawing of Plot as markup: fixed numbers of digits (the same bytes on every machine), named for screen readers, and
 * without Plot's style element and size, which the page's own style sheet replaces.
 */
export function toSvg(options: Plot.PlotOptions, title: string, document: Document): Markup {
  const svg = Plot.plot({ ...options, document, style });
  svg.querySelector("style")?.remove();
  const inner = svg.innerHTML
    .replace(/ aria-(?:label|hidden)="[^"]*"/g, "")
    .replace(/(?<=\s(?:d|transform|x|y|x1|x2|y1|y2|width|height|cx|cy)="[^"]*)-?\d+\.\d{3,}(?:e-?\d+)?/g, (digits) =>
      String(Number(Number(digits).toFixed(2))),
    );
  return {
    markup:
      `<svg class="chart" role="img" viewBox="0 0 ${options.width} ${options.height}" ` +
      `text-anchor="middle" font-size="11" fill="currentColor"><title>${escapeHtml(title)}</title>${inner}</svg>`,
  };
}

/** Scores of in-distribution pictures against those of one OOD set: histograms, densities and the threshold. */
export function distributionChart({
  id,
  ood,
  range,
  threshold,
  title,
  document,
}: {
  document: Document;
  id: Float64Array;
  ood: Float64Array;
  /** Shared by the charts that are read side by side. */
  range: readonly [number, number];
  threshold?: number;
  title: string;
}): Markup {
  const series = [
    { values: id, color: "var(--id)", dash: undefined },
    { values: ood, color: "var(--ood)", dash: "5 3" },
  ];
  const bars = series.map(({ values, color }) =>
    Plot.rectY(
      histogram(values, range).filter((bin) => bin.density > 0),
      { x1: "from", x2: "to", y: "density", fill: color, fillOpacity: 0.25, inset: 0 },
    ),
  );
  const lines = series.map(({ values, color, dash }) =>
    Plot.lineY(kernelDensity(values, range), {
      x: "x",
      y: "density",
      stroke: color,
      strokeWidth: 1.75,
      strokeDasharray: dash,
    }),
  );
  const rule = threshold !== undefined && Number.isFinite(threshold) ? [threshold] : [];
  return toSvg(
    {
      width: 264,
      height: 140,
      marginTop: 6,
      marginLeft: 8,
      marginRight: 8,
      marginBottom: 24,
      x: { domain: range, label: null, ticks: 4 },
      y: { axis: null },
      marks: [...bars, ...lines, Plot.ruleX(rule, { strokeDasharray: "1 2", strokeWidth: 1.5 }), Plot.ruleY([0])],
    },
    title,
    document,
  );
}

/** The range that the charts of one score share: all its finite scores. */
export const sharedRange = (id: Float64Array, ood: readonly Float64Array[]): readonly [number, number] =>
  rangeOf([id, ...ood]) ?? [0, 1];

const shorten = (text: string, most = 26): string => {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}\u2026`;
};

/** One row per method and score: every seed as a ring, the mean as a filled dot, in percent. */
export function averagesChart({
  rows,
  title,
  document,
}: {
  document: Document;
  rows: readonly { label: string; values: readonly number[]; mean: number }[];
  title: string;
}): Markup {
  const named = rows.map((row, i) => ({ ...row, key: `${i} ${row.label}` }));
  const seeds = named.flatMap(({ key, values }) =>
    values.length > 1 ? values.filter(Number.isFinite).map((value) => ({ key, x: value * 100 })) : [],
  );
  const means = named.filter((row) => Number.isFinite(row.mean)).map(({ key, mean }) => ({ key, x: mean * 100 }));
  return toSvg(
    {
      width: 360,
      height: 34 + rows.length * 22,
      marginTop: 4,
      marginLeft: 158,
      marginRight: 12,
      marginBottom: 26,
      x: { label: null, ticks: 5, nice: true, grid: true, inset: 6 },
      y: {
        label: null,
        type: "band",
        domain: named.map((row) => row.key),
        tickSize: 0,
        tickFormat: (key: string) => shorten(key.slice(key.indexOf(" ") + 1)),
      },
      marks: [
        Plot.dot(seeds, { x: "x", y: "key", r: 3.5, stroke: "var(--id)", strokeWidth: 1.25 }),
        Plot.dot(means, { x: "x", y: "key", r: 4, fill: "var(--id)" }),
      ],
    },
    title,
    document,
  );
}

import * as Plot from "@observablehq/plot";
import { toSvg } from "./charts.js";
import type { Point } from "./curves.js";
import { html } from "./escape.js";
import type { Markup } from "./escape.js";

/** One line of a chart; lines of one `series` share colour and dash. */
export interface Line {
  readonly series: number;
  readonly points: readonly Point[];
}

const dashes = ["none", "6 3", "2 2", "9 3 2 3", "1 3", "12 3", "6 2 1 2 1 2", "3 6"];

/** Number of looks that can be told apart. */
export const SERIES = dashes.length;

const look = (series: number): { stroke: string; strokeDasharray: string } => ({
  stroke: `var(--c${series % SERIES})`,
  strokeDasharray: dashes[series % SERIES]!,
});

/** Lines over one axis each way, such as ROC curves or a loss over epochs. */
export function lineChart({
  lines,
  x,
  y,
  rules = [],
  diagonal = false,
  thin = false,
  height = 200,
  title,
  document,
}: {
  lines: readonly Line[];
  x: { readonly label: string; readonly domain?: readonly [number, number]; readonly percent?: boolean };
  y: { readonly label: string; readonly domain?: readonly [number, number]; readonly percent?: boolean };
  /** Dotted lines across: values of x. */
  rules?: readonly number[];
  /** The line of guessing, from corner to corner. */
  diagonal?: boolean;
  thin?: boolean;
  height?: number;
  title: string;
  document: Document;
}): Markup {
  const axis = ({ label, domain, percent }: typeof x): Plot.ScaleOptions => ({
    label,
    labelArrow: "none",
    ticks: 4,
    grid: true,
    ...(domain && { domain: [...domain] }),
    ...(percent && { tickFormat: (value: number) => `${Math.round(value * 100)} %` }),
  });
  const finite = ({ points }: Line): Point[] => points.filter((point) => Number.isFinite(point.x + point.y));
  return toSvg(
    {
      width: 300,
      height,
      marginTop: 22,
      marginLeft: 46,
      marginRight: 12,
      marginBottom: 34,
      x: axis(x),
      y: axis(y),
      marks: [
        ...(diagonal
          ? [
              Plot.line(
                [
                  { x: 0, y: 0 },
                  { x: 1, y: 1 },
                ],
                { x: "x", y: "y", strokeOpacity: 0.35, strokeWidth: 1 },
              ),
            ]
          : []),
        Plot.ruleX(rules, { strokeDasharray: "1 2", strokeWidth: 1.5 }),
        ...lines.map((line) =>
          Plot.line(finite(line), { x: "x", y: "y", strokeWidth: thin ? 1.1 : 1.75, ...look(line.series) }),
        ),
        // A single point makes no line.
        ...lines
          .filter((line) => finite(line).length === 1)
          .map((line) => Plot.dot(finite(line), { x: "x", y: "y", r: 3, fill: look(line.series).stroke })),
      ],
    },
    title,
    document,
  );
}

/** The key of line charts: name and look of each series. */
export const lineLegend = (names: readonly string[]): Markup =>
  html`<ul class="legend">
    ${names.map(
      (name, series) =>
        html`<li>
          <svg viewBox="0 0 32 12" aria-hidden="true">
            <path
              d="M0,6H32"
              stroke="${look(series).stroke}"
              stroke-width="2"
              stroke-dasharray="${look(series).strokeDasharray}"
            /></svg
          ><bdi>${name}</bdi>
        </li> `,
    )}
  </ul> `;

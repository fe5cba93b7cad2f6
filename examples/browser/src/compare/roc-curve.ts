import type { Comparison } from "../messages.js";

const side = 320;
const frame = { left: 48, right: 8, top: 8, bottom: 34 };
/** Told apart by dashes as well as by colour. */
const styles = [
  "stroke: var(--soft); stroke-width: 2; stroke-dasharray: 2 3",
  "stroke: var(--bad); stroke-width: 2; stroke-dasharray: 7 3",
  "stroke: var(--accent); stroke-width: 2.5",
];

/** Draws how many of the classes and of all others pass, for every threshold, as SVG text. */
export function drawRoc({ methods }: Comparison, score: "mcm" | "glmcm"): string {
  const x = (share: number): number => frame.left + (side - frame.left - frame.right) * share;
  const y = (share: number): number => side - frame.bottom - (side - frame.top - frame.bottom) * share;
  const ticks = [0, 0.5, 1].map(
    (share) =>
      `<line x1="${x(0)}" x2="${x(1)}" y1="${y(share)}" y2="${y(share)}" stroke="var(--line)"/>` +
      `<text x="${x(0) - 6}" y="${y(share) + 4}" text-anchor="end">${100 * share} %</text>` +
      `<text x="${x(share)}" y="${y(0) + 16}" text-anchor="${share === 1 ? "end" : share === 0 ? "start" : "middle"}">${100 * share} %</text>`,
  );
  const paths = methods.map(({ scores }, i) => {
    const { fpr, tpr } = scores.find((entry) => entry.score === score)!.roc;
    const d = fpr.map((share, k) => `${k === 0 ? "M" : "L"}${x(share).toFixed(1)} ${y(tpr[k]!).toFixed(1)}`).join("");
    return `<path d="${d}" fill="none" style="${styles[i]}"/>`;
  });
  const legend = methods.map(
    ({ name }, i) =>
      `<line x1="${x(0.55)}" x2="${x(0.55) + 26}" y1="${y(0.3) + 17 * i}" y2="${y(0.3) + 17 * i}" style="${styles[i]}"/>` +
      `<text x="${x(0.55) + 32}" y="${y(0.3) + 4 + 17 * i}">${name}</text>`,
  );
  const title = `<text x="${x(0)}" y="${side - 4}">others that pass → , classes that pass ↑</text>`;
  return `<svg viewBox="0 0 ${side} ${side}" style="max-width: 26rem" role="img" aria-label="ROC curves; the table has their areas" font-size="12" fill="currentColor">${[...ticks, ...paths, ...legend, title].join("")}</svg>`;
}

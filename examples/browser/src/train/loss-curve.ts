/** What is drawn of each step. */
export interface CurvePoint {
  readonly loss: number;
  readonly crossEntropy: number;
  readonly regularization: number;
}

const width = 420;
const height = 230;
const frame = { left: 44, right: 8, top: 8, bottom: 44 };

const lines: readonly { key: keyof CurvePoint; name: string; style: string }[] = [
  { key: "loss", name: "loss", style: "stroke: var(--accent); stroke-width: 2.5" },
  { key: "crossEntropy", name: "cross-entropy", style: "stroke: var(--good); stroke-width: 1.5" },
  {
    key: "regularization",
    name: "regions (negative entropy)",
    style: "stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 4 3",
  },
];

/** Draws the loss and its parts over the steps, as SVG text. */
export function drawLossCurve(points: readonly CurvePoint[], total: number): string {
  const values = points.flatMap((point) => lines.map(({ key }) => point[key]));
  const low = Math.min(0, ...values);
  const high = Math.max(0.1, ...values);
  const x = (step: number): number => frame.left + ((width - frame.left - frame.right) * step) / Math.max(1, total - 1);
  const y = (value: number): number =>
    height - frame.bottom - ((height - frame.top - frame.bottom) * (value - low)) / (high - low);
  const ticks = [low, (low + high) / 2, high];
  const grid = ticks.map(
    (tick) =>
      `<line x1="${frame.left}" x2="${width - frame.right}" y1="${y(tick)}" y2="${y(tick)}" stroke="var(--line)"/>` +
      `<text x="${frame.left - 6}" y="${y(tick) + 4}" text-anchor="end">${tick.toFixed(2)}</text>`,
  );
  const paths = lines.map(({ key, style }) => {
    const d = points.map((point, i) => `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(point[key]).toFixed(1)}`).join("");
    return `<path d="${d}" fill="none" style="${style}"/>`;
  });
  const legend = lines.map(({ name, style }, i) => {
    const left = [frame.left, 120, 232][i]!;
    return (
      `<line x1="${left}" x2="${left + 20}" y1="${height - 10}" y2="${height - 10}" style="${style}"/>` +
      `<text x="${left + 25}" y="${height - 6}">${name}</text>`
    );
  });
  const axis =
    `<text x="${frame.left}" y="${height - 28}">step 1</text>` +
    `<text x="${width - frame.right}" y="${height - 28}" text-anchor="end">step ${total}</text>`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${describe(points)}" font-size="12" fill="currentColor">${[...grid, ...paths, ...legend, axis].join("")}</svg>`;
}

function describe(points: readonly CurvePoint[]): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return "No step yet";
  return `The loss over ${points.length} steps, from ${first.loss.toFixed(3)} to ${last.loss.toFixed(3)}`;
}

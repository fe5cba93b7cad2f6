import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { groupResults } from "./groups.js";
import { dataTable } from "./html-tables.js";
import { lineChart, lineLegend, SERIES } from "./line-chart.js";
import type { EpochMetrics, MethodResult } from "./types.js";

const names: Record<string, string> = {
  loss: "Loss",
  crossEntropy: "Cross-entropy",
  oodRegularization: "Regularisation: negative entropy of ID-irrelevant regions",
  irrelevantRegions: "ID-irrelevant regions per batch",
  accuracy: "Accuracy on the training batches",
  learningRate: "Learning rate",
};

const nameOf = (key: string): string => names[key] ?? key;
const short = (value: number | undefined): string =>
  value === undefined ? "\u2013" : String(Number(value.toPrecision(4)));

/** At most so many epochs, the first and the last among them. */
export function someEpochs(epochs: readonly EpochMetrics[], most = 11): EpochMetrics[] {
  if (epochs.length <= most) return [...epochs];
  return Array.from({ length: most }, (_, i) => epochs[Math.round((i * (epochs.length - 1)) / (most - 1))]!);
}

/** Loss, parts, learning rate and accuracy over the epochs, every seed a line; undefined where no run recorded them. */
export function trainingFigures(methods: readonly MethodResult[], document: Document): Markup | undefined {
  const groups = groupResults(methods)
    .map(({ name, runs }) => ({ name, runs: runs.filter((run) => (run.training?.length ?? 0) > 0) }))
    .filter(({ runs }) => runs.length > 0)
    .slice(0, SERIES);
  if (groups.length === 0) return undefined;
  const keys = [...new Set(groups.flatMap(({ runs }) => runs.flatMap((run) => Object.keys(run.training![0]!.values))))];
  const ordered = [...Object.keys(names).filter((key) => keys.includes(key)), ...keys.filter((key) => !(key in names))];
  const figures = ordered.map((key) => {
    const lines = groups.flatMap(({ runs }, series) =>
      runs.map((run) => ({
        series,
        points: run.training!.map(({ epoch, values }) => ({ x: epoch, y: values[key] ?? NaN })),
      })),
    );
    const said = groups.map(({ name, runs }) => {
      const first = runs[0]!.training!;
      return `${name} from ${short(first[0]!.values[key])} to ${short(first.at(-1)!.values[key])}`;
    });
    return html`<figure>
      <figcaption><b>${nameOf(key)}</b></figcaption>
      ${lineChart({
        lines,
        x: { label: "epoch" },
        y: { label: "", percent: key === "accuracy" },
        thin: true,
        title: `${nameOf(key)} over the epochs: ${said.join("; ")}`,
        document,
      })}
    </figure> `;
  });
  const table = dataTable({
    caption: "Means over each epoch's steps; of a method with several seeds the first",
    head: ["method", "epoch", ...ordered.map(nameOf)],
    headers: 2,
    rows: groups.flatMap(({ name, runs }) =>
      someEpochs(runs[0]!.training!).map(({ epoch, values }) => [
        name,
        String(epoch),
        ...ordered.map((key) => short(values[key])),
      ]),
    ),
  });
  return html`${lineLegend(groups.map(({ name }) => name))}
    <div class="charts wide">${figures}</div>
    ${table}`;
}

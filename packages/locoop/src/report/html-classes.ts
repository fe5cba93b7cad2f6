import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { dataTable } from "./html-tables.js";
import type { PerClass } from "./per-class.js";
import { scoreLabel } from "./table.js";

const percent = (value: number): string => (Number.isFinite(value) ? (value * 100).toFixed(1) : "\u2013");

// Shown without unfolding.
const WEAKEST = 10;

/** Accuracy and AUROC of the classes, the hardest of the main method first. */
export function classTables({ score, methods, main, rows }: PerClass, classNames: readonly string[]): Markup {
  const key = (row: (typeof rows)[number]): number => row.values[main]!.auroc;
  const sorted = [...rows].sort((a, b) => key(a) - key(b) || a.label - b.label);
  const table = (caption: string, shown: typeof sorted, open: boolean): Markup =>
    dataTable({
      caption,
      open,
      head: ["class", "pictures", ...methods.flatMap((name) => [`${name}: accuracy`, `${name}: AUROC`])],
      headers: 1,
      rows: shown.map(({ label, pictures, values }) => [
        classNames[label] ?? String(label),
        String(pictures),
        ...values.flatMap(({ accuracy, auroc }) => [percent(accuracy), percent(auroc)]),
      ]),
    });
  const few = sorted.length <= WEAKEST;
  return html`<p>
      AUROC of one class is the chance that one of its pictures scores higher than an out-of-distribution picture, by
      ${scoreLabel(score)}, mean over the OOD sets${methods.length > 0 ? " and over the seeds of a method" : ""}. A
      class has few pictures: read small differences with care.
    </p>
    ${table(few ? "The classes, in %" : `The ${WEAKEST} classes that ${methods[main]} finds hardest to tell from OOD, in %`, sorted.slice(0, WEAKEST), true)}${
      few ? html`` : table(`All ${sorted.length} classes, in %`, sorted, false)
    }`;
}

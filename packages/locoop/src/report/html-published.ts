import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import { dataTable } from "./html-tables.js";
import { PAPER_SETS, PUBLISHED, PUBLISHED_SOURCE } from "./published.js";

/** The published figures, with their source. */
export function publishedTable(): Markup {
  const pair = ([fpr95, auroc]: readonly [number, number]): string => `${fpr95.toFixed(1)} / ${auroc.toFixed(1)}`;
  return html`<h3>Published figures</h3>
    ${dataTable({
      caption: "Published on the same benchmark: FPR95 / AUROC, and accuracy, in percent",
      open: true,
      headers: 2,
      head: ["method", "score", "average", ...Object.keys(PAPER_SETS), "accuracy"],
      rows: PUBLISHED.map(({ method, score, average, sets, accuracy }) => [
        method,
        score,
        pair(average),
        ...sets.map(pair),
        accuracy.toFixed(1),
      ]),
    })}
    <p class="soft">Source: ${PUBLISHED_SOURCE}.</p>`;
}

import { html } from "./escape.js";
import type { Markup } from "./escape.js";
import type { MethodSummary, SetSummary } from "./summarise.js";
import { findSet, formatPercent, scoreLabel, scoresOf } from "./table.js";

interface Format {
  readonly deviation: "std" | "standardError";
  readonly sign: boolean;
}

const twoCells = (row: SetSummary | undefined, format: Format, average = ""): Markup =>
  html`<td class="first ${average}">${formatPercent(row?.fpr95, format)}</td>
    <td class="${average}">${formatPercent(row?.auroc, format)}</td>`;

function conditionsOf({ shots, seeds }: MethodSummary): string {
  const known = seeds.filter((seed) => seed !== undefined);
  const named =
    known.length > 3 ? `${known.length} seeds` : `${known.length === 1 ? "seed" : "seeds"} ${known.join(", ")}`;
  return [shots === undefined ? "" : `${shots} ${shots === 1 ? "shot" : "shots"}`, known.length === 0 ? "" : named]
    .filter((text) => text !== "")
    .join("; ");
}

function methodRows(method: MethodSummary, sets: readonly string[], format: Format): Markup[] {
  const scores = scoresOf(method);
  const span = scores.length;
  return scores.map((score, i) => {
    const lead =
      i > 0
        ? html``
        : html`<th scope="rowgroup" class="group" rowspan="${span}">
            ${method.method}<br /><span class="soft">${conditionsOf(method)}</span>
          </th>`;
    const accuracy =
      i > 0 ? html`` : html`<td class="first" rowspan="${span}">${formatPercent(method.accuracy, format)}</td>`;
    const cells = sets.map((set) => twoCells(score && findSet(score, set), format));
    return html`<tr>
      ${lead}
      <th scope="row" class="first">${score ? scoreLabel(score.score) : "\u2013"}</th>
      ${twoCells(score?.average, format, "average")}${cells}${accuracy}
    </tr> `;
  });
}

/**
 * The table that the papers print: methods x scores down, FPR95 and AUROC of each OOD set across; the average comes first,
 * so that a narrow screen shows it.
 */
export function resultsTable(
  methods: readonly MethodSummary[],
  sets: readonly string[],
  {
    caption,
    name,
    deviation = "std",
    sign = false,
  }: { caption: string; name: string; deviation?: "std" | "standardError"; sign?: boolean },
): Markup {
  const groups = ["average", ...sets].map(
    (set, i) => html`<th scope="colgroup" colspan="2" class="first ${i === 0 ? "average" : ""}">${set}</th>`,
  );
  const heads = ["average", ...sets].map((_, i) => {
    const average = i === 0 ? "average" : "";
    return html`<th scope="col" class="first ${average}">FPR95</th>
      <th scope="col" class="${average}">AUROC</th>`;
  });
  const bodies = methods.map(
    (method) =>
      html`<tbody>
        ${methodRows(method, sets, { deviation, sign })}
      </tbody> `,
  );
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${name}">
    <table>
      <caption>
        <span>${caption}</span>
      </caption>
      <thead>
        <tr>
          <th scope="col" rowspan="2" class="group">method</th>
          <th scope="col" rowspan="2" class="first group">score</th>
          ${groups}
          <th scope="col" rowspan="2" class="first">accuracy</th>
        </tr>
        <tr>
          ${heads}
        </tr>
      </thead>
      ${bodies}
    </table>
  </div> `;
}

/** Plain text in a table, folded away behind a chart unless `open`; the first `headers` columns name the row. */
export function dataTable({
  caption,
  head,
  rows,
  headers,
  open = false,
}: {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
  headers: number;
  open?: boolean;
}): Markup {
  if (rows.length === 0) return html``;
  const body = rows.map(
    (cells) =>
      html`<tr>
        ${cells.map((cell, i) =>
          i < headers ? html`<th scope="row"><bdi>${cell}</bdi></th>` : html`<td>${cell}</td>`,
        )}
      </tr> `,
  );
  const table = html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">
    <table class="data">
      <caption>
        <span>${caption}</span>
      </caption>
      <thead>
        <tr>
          ${head.map((name, i) => html`<th scope="col" class="${i < headers ? "group" : ""}"><bdi>${name}</bdi></th>`)}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div> `;
  return open
    ? table
    : html`<details>
        <summary>Table: ${caption}</summary>
        ${table}
      </details> `;
}

/** Names and values, two columns. */
export function factsTable(caption: string, facts: Readonly<Record<string, string>>): Markup {
  const rows = Object.entries(facts).map(
    ([name, value]) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td>${value}</td>
      </tr> `,
  );
  if (rows.length === 0) return html``;
  return html`<table>
    <caption>
      <span>${caption}</span>
    </caption>
    <tbody>
      ${rows}
    </tbody>
  </table> `;
}

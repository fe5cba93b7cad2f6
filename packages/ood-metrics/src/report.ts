import type { Evaluation, Measures } from "./evaluate.js";

/**
 * The evaluation as a Markdown table: a row per OOD set and their average, in percent with two decimals.
 *
 * Set names are escaped: no pipe, line break, control character, HTML or Markdown in a name survives as such.
 *
 * @example
 * ```ts
 * import { evaluate, toMarkdown } from "@locoop/ood-metrics";
 * console.log(toMarkdown(evaluate([0.9, 0.8], { "a|b": [0.3, 0.1] })));
 * ```
 */
export function toMarkdown({ rows, average }: Evaluation): string {
  const line = (name: string, { fpr95, auroc, aupr }: Measures, id: string | number, ood: string | number): string =>
    `| ${name} | ${percent(fpr95)} | ${percent(auroc)} | ${percent(aupr)} | ${id} | ${ood} |`;
  return [
    "| OOD set | FPR95 (%) | AUROC (%) | AUPR (%) | ID images | OOD images |",
    "| :-- | --: | --: | --: | --: | --: |",
    ...rows.map((row) => line(escapeMarkdown(row.set), row, row.id, row.ood)),
    line("**average**", average, "", ""),
    "",
  ].join("\n");
}

/**
 * The evaluation as CSV (RFC 4180, CRLF): a header and a row per OOD set, fractions in full precision, no average row.
 *
 * Names are quoted where they must be and otherwise kept as they are.
 *
 * @example
 * ```ts
 * import { evaluate, toCsv } from "@locoop/ood-metrics";
 * console.log(toCsv(evaluate([0.9, 0.8], { SUN: [0.3, 0.1] }))); // a header and one line
 * ```
 */
export function toCsv({ rows }: Evaluation): string {
  const columns = ["set", "fpr95", "auroc", "aupr", "id", "ood"] as const;
  const lines = rows.map((row) => columns.map((column) => quoteCsv(String(row[column]))).join(","));
  return [columns.join(","), ...lines, ""].join("\r\n");
}

/**
 * The evaluation as JSON, indented, fractions in full precision; `JSON.parse` gives the same evaluation back.
 *
 * @example
 * ```ts
 * import { evaluate, toJson } from "@locoop/ood-metrics";
 * console.log(JSON.parse(toJson(evaluate([0.9, 0.8], { SUN: [0.3, 0.1] }))).average.auroc); // → 1
 * ```
 */
export function toJson(evaluation: Evaluation): string {
  return `${JSON.stringify(evaluation, null, 2)}\n`;
}

function percent(fraction: number): string {
  return (100 * fraction).toFixed(2);
}

function quoteCsv(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

// Controls, line separators and direction marks become blanks: they could break the row or disguise a name.
function escapeMarkdown(name: string): string {
  return name
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ")
    .replace(/[\\`*_~[\]|]/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .trim();
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const plain = /^[\u0020-\u007e]*$/;

/** Columns that a text takes on a terminal: two for an East Asian letter or an emoji, none for an accent of its own. */
export function displayWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text))
    width += wide.test(segment) ? 2 : /^\p{Mark}+$/u.test(segment) ? 0 : 1;
  return width;
}

/** A text cut to so many columns between graphemes, an ellipsis in the place of its end. */
export function cutToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let cut = "";
  let width = 1; // of the ellipsis
  for (const { segment } of graphemes.segment(text)) {
    width += displayWidth(segment);
    if (width > columns) break;
    cut += segment;
  }
  return columns < 1 ? "" : `${cut}\u2026`;
}

/** A text with spaces to so many columns, on its right or its left. */
export function padToWidth(text: string, columns: number, side: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, columns - displayWidth(text)));
  return side === "left" ? text + space : space + text;
}

/**
 * Lines of cells under a header and a rule: the first columns to the left, the numbers after them to the right. Where that is wider
 * than the terminal, a block of lines for each row, so that no cell is cut or wrapped.
 */
export function alignColumns(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  { left = 1, columns = Infinity }: { left?: number; columns?: number } = {},
): string[] {
  const widths = header.map((name, i) => Math.max(...[name, ...rows.map((row) => row[i] ?? "")].map(displayWidth)));
  const total = widths.reduce((a, b) => a + b + 2, -2);
  if (total > columns) return stackRows(header, rows);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => padToWidth(cell, widths[i]!, i < left ? "left" : "right"))
      .join("  ")
      .trimEnd();
  return [line(header), widths.map((width) => "\u2500".repeat(width)).join("  "), ...rows.map(line)];
}

function stackRows(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(...header.map(displayWidth));
  const blocks = rows.map((row) =>
    row.flatMap((cell, i) => (cell === "" ? [] : [`${padToWidth(header[i] ?? "", width)}  ${cell}`])),
  );
  return blocks.flatMap((block, i) => (i === 0 ? block : ["", ...block]));
}

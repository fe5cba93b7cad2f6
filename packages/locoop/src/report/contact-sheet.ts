import { escapeHtml, html } from "./escape.js";
import type { RegionDrawing } from "./region-drawing.js";
import { cutText } from "./region-figure.js";
import { page } from "./region-page.js";
import { toSvg } from "./region-svg.js";

/** One picture of a contact sheet. */
export interface SheetEntry {
  readonly title: string;
  /** The verdict in a few words, such as a class name. */
  readonly verdict: string;
  /** Whether it is one of the classes; undefined without a threshold. */
  readonly isId?: boolean;
  /** Score and count, a line each. */
  readonly lines: readonly string[];
  readonly drawing: RegionDrawing;
  /** The picture's shown part as a data: URI. */
  readonly href: string;
  readonly pixelated?: boolean;
  /** Address of a page of its own. */
  readonly link?: string;
}

/** A sheet's heading, and which of several it is. */
export interface SheetOptions {
  readonly title: string;
  readonly columns?: number;
  /** Addresses of the sheets before and after, in HTML. */
  readonly before?: string;
  readonly after?: string;
}

const words = { id: "in-distribution", ood: "out-of-distribution" } as const;
const kindOf = ({ isId }: SheetEntry): "id" | "ood" | undefined =>
  isId === undefined ? undefined : isId ? "id" : "ood";
const marks = { id: "✓", ood: "✗" } as const;

const cell = 220; // of a thumbnail, and of the words below it
const gap = 20;

/** A contact sheet as one SVG: thumbnails with verdict, score and name, row by row. */
export function contactSheetSvg(entries: readonly SheetEntry[], { title, columns }: SheetOptions): string {
  const across = Math.max(
    1,
    Math.min(entries.length, columns ?? Math.max(2, Math.ceil(Math.sqrt(entries.length * 1.2)))),
  );
  const width = Math.max(across * (cell + gap) + gap, 360);
  const colors = { id: "#1f63b5", ood: "#b8500c", none: "#1c1f23" };
  const parts: string[] = [];
  const text = (
    words: string,
    x: number,
    y: number,
    { size = 12, color = "#59616b", bold = false, room = cell } = {},
  ) =>
    parts.push(
      `<text x="${x}" y="${y}" font-size="${size}" fill="${color}"${bold ? ' font-weight="bold"' : ""}>${escapeHtml(cutText(words, room, size)).replace(/[\ufffe\uffff]/g, "\ufffd")}</text>`,
    );
  text(title, gap, gap + 16, { size: 18, color: colors.none, bold: true, room: width - 2 * gap });
  let y = gap + 36;
  for (let first = 0; first < entries.length; first += across) {
    const row = entries.slice(first, first + across);
    const tallest = Math.max(...row.map(({ drawing }) => drawing.height));
    for (const [i, entry] of row.entries()) {
      const { drawing, href, pixelated, verdict, lines } = entry;
      const x = gap + i * (cell + gap);
      const svg = toSvg(drawing, { href, pixelated, id: `p${first + i}` });
      parts.push(`<g transform="translate(${x} ${y + tallest - drawing.height})">${svg}</g>`);
      const kind = kindOf(entry);
      const color = colors[kind ?? "none"];
      text(kind ? `${marks[kind]} ${verdict}` : verdict, x, y + tallest + 20, { size: 14, color, bold: true });
      for (const [n, line] of [...lines, entry.title].entries()) text(line, x, y + tallest + 38 + n * 16);
    }
    y += tallest + 38 + Math.max(...row.map(({ lines }) => lines.length + 1)) * 16 + gap;
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" viewBox="0 0 ${width} ${y}" font-family="system-ui, 'DejaVu Sans', sans-serif">` +
    `<title>${escapeHtml(title).replace(/[\ufffe\uffff]/g, "\ufffd")}</title><rect width="100%" height="100%" fill="#ffffff"/>${parts.join("")}</svg>`
  );
}

/** A contact sheet as a page; each thumbnail leads to the picture's own page, where there is one. */
export function contactSheetPage(entries: readonly SheetEntry[], { title, before, after }: SheetOptions): string {
  const items = entries.map((entry, i) => {
    const { drawing, href, pixelated, verdict, lines, link } = entry;
    const kind = kindOf(entry);
    const says = `${entry.title}: ${kind ? `${words[kind]}, ` : ""}${verdict}`;
    const svg = { markup: toSvg(drawing, { href, pixelated, id: `p${i}`, title: says }) };
    return html`<li class="${kind ?? "none"}">
      ${link === undefined ? svg : html`<a href="${link}">${svg}</a>`}
      <b>${kind ? `${marks[kind]} ` : ""}<bdi>${verdict}</bdi></b>
      ${lines.map((line) => html`<br /><span class="soft">${line}</span>`)}
      <br /><span class="soft"><bdi>${entry.title}</bdi></span>
    </li> `;
  });
  const links = [
    ...(before === undefined ? [] : [html`<li><a href="${before}" rel="prev">Earlier pictures</a></li>`]),
    ...(after === undefined ? [] : [html`<li><a href="${after}" rel="next">More pictures</a></li>`]),
  ];
  return page({
    title,
    body: html`<h1><bdi>${title}</bdi></h1>
      <p class="soft">
        ✓ in-distribution, ✗ out-of-distribution. Painted: ID-irrelevant regions. Darkened: what the model did not see.
      </p>
      ${
        links.length > 0
          ? html`<nav aria-label="Sheets">
              <ul>
                ${links}
              </ul>
            </nav>`
          : html``
      }
      <ul class="sheet">
        ${items}
      </ul>`,
  });
}

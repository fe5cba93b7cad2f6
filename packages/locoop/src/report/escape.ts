import { escapeControls } from "../node/errors.js";

// Names of classes, files and sets come from folders that anyone may have filled: nothing of them is markup.
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text for HTML content and quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(control, "\ufffd").replace(/[&<>"']/g, (mark) => entities[mark]!);

/** Text for a Markdown paragraph or table cell, on one line, with nothing of it read as Markdown or HTML. */
export const escapeMarkdown = (text: string): string =>
  text
    .replace(control, "\ufffd")
    .replace(/[&<>]/g, (mark) => entities[mark]!)
    .replace(/[\\`*_[\]|#~$]/g, "\\$&")
    .replace(/^(\s*\d*)([-+.)])/, "$1\\$2")
    .replace(/:\/\//g, ":&#47;&#47;")
    .replace(/\s*[\r\n]+\s*/g, " ");

/** A CSV cell of text: quoted where needed, and never read as a formula by a spreadsheet. */
export function escapeCsv(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

/** Text for a terminal: one line, no control characters, so that a name cannot move the cursor or change colours. */
export const escapeTerminal = (text: string): string => escapeControls(text.replace(/[\r\n\t]+/g, " "));

/** Markup that is safe to insert as it is: made by {@link html} alone. */
export interface Markup {
  readonly markup: string;
}

type Insertable = string | number | Markup | readonly Markup[];

const insert = (value: Insertable): string =>
  typeof value === "string" || typeof value === "number"
    ? escapeHtml(String(value))
    : "markup" in value
      ? value.markup
      : value.map((part) => part.markup).join("");

/** A template tag for HTML in which every inserted text is escaped; only markup from the same tag goes in as it is. */
export const html = (parts: TemplateStringsArray, ...values: readonly Insertable[]): Markup => ({
  markup: parts.reduce((text, part, i) => text + insert(values[i - 1]!) + part),
});

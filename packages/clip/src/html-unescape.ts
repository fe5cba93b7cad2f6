import { htmlReferences } from "./html-references.js";

// What HTML makes of the numbers 0x80-0x9f: the characters that Windows-1252 has there. Five stay control characters.
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
const reference = /&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/gu;

let table: Map<string, string> | undefined;

/** The 2,231 names of HTML, some with and without ";", read on first use: most texts hold no reference. */
function names(): Map<string, string> {
  if (table) return table;
  table = new Map();
  for (const line of htmlReferences.split("\n")) {
    const [name, ...points] = line.split(" ");
    const text = String.fromCodePoint(...points.map((point) => Number.parseInt(point, 16)));
    table.set(name as string, text);
    if (!name?.endsWith(";")) table.set(`${name};`, text);
  }
  return table;
}

/** Replaces HTML's character references exactly as Python's `html.unescape` does; text without "&" is returned as it is. */
export function unescapeHtml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(reference, (whole, body: string) =>
    body.startsWith("#") ? fromNumber(body) : fromName(whole, body),
  );
}

function fromNumber(body: string): string {
  const hexadecimal = /^#x/i.test(body);
  const point = Number.parseInt(body.slice(hexadecimal ? 2 : 1), hexadecimal ? 16 : 10);
  if (point === 0) return "\ufffd";
  if (point === 0x0d) return "\r";
  if (point >= 0x80 && point <= 0x9f) return windows1252.charAt(point - 0x80);
  if ((point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff) return "\ufffd";
  const control = point < 0x20 && point !== 0x09 && point !== 0x0a && point !== 0x0c;
  const noCharacter = (point & 0xfffe) === 0xfffe || (point >= 0xfdd0 && point <= 0xfdef);
  return control || point === 0x7f || noCharacter ? "" : String.fromCodePoint(point);
}

/** The whole name, else the longest name that it begins with ("&ampere;" is "&" and "ere;"), else the text unchanged. */
function fromName(whole: string, body: string): string {
  for (let length = body.length; length > 1; length--) {
    const text = names().get(body.slice(0, length));
    if (text !== undefined) return text + body.slice(length);
  }
  return whole;
}

const wholeReference = /&#?[0-9A-Za-z]{1,24};/g;

/**
 * The step of `ftfy.fix_text` that concerns HTML: in every line before the first that holds "<", whole references (with their
 * ";") are replaced again and again until none is left.
 */
export function unescapeHtmlLines(text: string): string {
  if (!text.includes("&")) return text;
  const lines = text.split("\n");
  for (const [i, line] of lines.entries()) {
    if (line.includes("<")) break;
    let before = line;
    let after = unescapeOnce(line);
    while (after !== before) [before, after] = [after, unescapeOnce(after)];
    lines[i] = after;
  }
  return lines.join("\n");
}

function unescapeOnce(text: string): string {
  return text.replace(wholeReference, (whole) => {
    if (!whole.startsWith("&#")) return names().get(whole.slice(1)) ?? fromCapitals(whole);
    const character = unescapeHtml(whole);
    return character.includes(";") ? whole : character;
  });
}

/** A name in capitals that HTML does not know stands for the capitals of the name in small letters: "&EACUTE;". */
function fromCapitals(whole: string): string {
  if (whole !== whole.toUpperCase() || unescapeHtml(whole) !== whole) return whole;
  return names().get(whole.slice(1).toLowerCase())?.toUpperCase() ?? whole;
}

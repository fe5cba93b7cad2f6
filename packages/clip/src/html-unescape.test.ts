import { describe, expect, it } from "vitest";
import { unescapeHtml, unescapeHtmlLines } from "./html-unescape.js";

// Expected: Python 3's `html.unescape`.
describe("unescapeHtml", () => {
  it.each([
    ["a & b", "a & b"],
    ["&amp;&amp&AMP;", "&&&"],
    ["&ampere; &notit; &notin;", "&ere; ¬it; ∉"],
    ["&hearts &hearts;", "&hearts ♥"],
    ["&NotEqualTilde;", "≂̸"],
    ["&unknown; &; &#; &#x;", "&unknown; &; &#; &#x;"],
    ["&#65;&#65&#x41;&#X41g", "AAAAg"],
    ["&#0;&#xD800;&#x110000;&#99999999999999999999;", "\ufffd\ufffd\ufffd\ufffd"],
    ["&#1;&#xb;&#x7f;&#xfdd0;&#x1ffff;", ""],
    ["&#9;&#10;&#12;&#13;", "\t\n\f\r"],
    ["&#x80;&#150;&#x81;", "€–\u0081"],
    ["&amp;lt;", "&lt;"],
  ])("%j", (text, expected) => {
    expect(unescapeHtml(text)).toBe(expected);
  });
});

// Expected: `ftfy.fix_text` 6.3.1 with every other repair switched off.
describe("unescapeHtmlLines", () => {
  it.each([
    ["&amp;amp;amp;amp;", "&"],
    ["&amp &copy 1", "&amp &copy 1"],
    ["&amp;\n<&amp;\n&amp;", "&\n<&amp;\n&amp;"],
    ["&lt;&amp;amp;", "<&"],
    ["&EACUTE;&AMP;&Eacute;&NOTANAME;", "É&É&NOTANAME;"],
    ["&#65;&#xD800;&#12a;", "A\ufffd&#12a;"],
  ])("%j", (text, expected) => {
    expect(unescapeHtmlLines(text)).toBe(expected);
  });
});

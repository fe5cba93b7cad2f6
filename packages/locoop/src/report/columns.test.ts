import { describe, expect, it } from "vitest";
import { alignColumns, cutToWidth, displayWidth, padToWidth } from "./columns.js";

describe("displayWidth", () => {
  it.each([
    ["abc", 3],
    ["e\u0301", 1],
    ["\u732b\u306e", 4],
    ["\u{1f431}", 2],
    // A family, a flag, a hand with a skin tone: one grapheme of two columns each.
    ["\u{1f468}\u200d\u{1f469}\u200d\u{1f467}", 2],
    ["\u{1f1e9}\u{1f1ea}", 2],
    ["\u{1f44d}\u{1f3fd}", 2],
    ["\u2013 \u00b1", 3],
    ["", 0],
  ])("%j takes %d", (text, columns) => expect(displayWidth(text)).toBe(columns));
});

it("cuts between graphemes", () => {
  expect(cutToWidth("abcdef", 6)).toBe("abcdef");
  expect(cutToWidth("abcdef", 4)).toBe("abc\u2026");
  expect(cutToWidth("\u732b\u732b\u732b", 4)).toBe("\u732b\u2026");
  expect(cutToWidth("e\u0301e\u0301e\u0301", 2)).toBe("e\u0301\u2026");
  expect(cutToWidth("ab", 0)).toBe("");
});

it("pads by columns, not by letters", () => {
  expect(padToWidth("\u732b", 4)).toBe("\u732b  ");
  expect(padToWidth("7", 3, "right")).toBe("  7");
});

describe("alignColumns", () => {
  const rows = [
    ["cat \u{1f431}", "9.5"],
    ["frog", "100.0"],
  ];

  it("puts names to the left and numbers to the right, under a header and a rule", () => {
    expect(alignColumns(["class", "accuracy"], rows)).toEqual([
      "class   accuracy",
      "\u2500\u2500\u2500\u2500\u2500\u2500  \u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500",
      "cat \u{1f431}       9.5",
      "frog       100.0",
    ]);
  });

  it("gives each row a block of lines where the terminal is too narrow, and loses nothing", () => {
    const lines = alignColumns(["class", "accuracy"], rows, { columns: 15 });
    expect(lines).toEqual(["class     cat \u{1f431}", "accuracy  9.5", "", "class     frog", "accuracy  100.0"]);
    expect(alignColumns(["class", "accuracy"], rows, { columns: 16 })).toHaveLength(4);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MergeTable } from "./merge-table.js";
import { createMergeTable, cutWord, pieceOf } from "./merge-table.js";

/** Byte-pair encoding as it is usually written down: join the neighbours of lowest rank, everywhere, until none is a merge. */
function cutPlainly(merges: readonly string[], word: string, characters: number): string[] {
  const ranks = new Map(merges.map((merge, rank) => [merge, rank]));
  let pieces = [...word.slice(0, characters - 1), word.slice(characters - 1)];
  for (;;) {
    const rankAt = (i: number) => ranks.get(`${pieces[i]} ${pieces[i + 1]}`) ?? Infinity;
    const best = Math.min(...pieces.map((_, i) => rankAt(i)));
    if (best === Infinity) return pieces;
    const joined: string[] = [];
    for (let i = 0; i < pieces.length; i++) joined.push(rankAt(i) === best ? pieces[i]! + pieces[++i]! : pieces[i]!);
    pieces = joined;
  }
}

/** The pieces of a word and the merges that make them. */
function cut(table: MergeTable, word: string, characters: number): [string, number][] {
  const pieces: [string, number][] = [];
  cutWord(table, word, characters, (rank, begin, end) => pieces.push([word.slice(begin, end), rank]));
  return pieces;
}

describe("a merge table", () => {
  const piece = fc.oneof(
    fc.stringMatching(/^[ab]{1,3}$/),
    fc.stringMatching(/^[abĠ]{0,2}\$$/),
    fc.constantFrom("Aa", "BB"),
  );
  const merge = fc.oneof(
    fc.tuple(piece, piece).map((pair) => pair.join(" ")),
    piece.map((only) => `${only} `), // nothing behind the blank: never two neighbours
  );
  const word = fc.stringMatching(/^[abĠAB]{1,12}$/);

  it("cuts any word by any merges, repeated ones too, as the plain algorithm does", () => {
    fc.assert(
      fc.property(fc.array(merge, { maxLength: 30 }), fc.array(word, { maxLength: 8 }), (merges, words) => {
        const table = createMergeTable(merges);
        const made = merges.map((pair) => pair.replace(" ", ""));
        for (const characters of words) {
          const text = `${characters}$`;
          const pieces = cutPlainly(merges, text, characters.length);
          expect(cut(table, text, characters.length)).toEqual(pieces.map((piece) => [piece, made.lastIndexOf(piece)]));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("finds the last merge that makes a piece, and the piece of a merge", () => {
    fc.assert(
      fc.property(fc.array(merge, { maxLength: 30 }), fc.array(piece), (merges, others) => {
        const made = merges.map((pair) => pair.replace(" ", ""));
        const table = createMergeTable(merges);
        expect(table.count).toBe(merges.length);
        for (const whole of [...made, ...others])
          expect(cut(table, whole, 1)).toEqual([[whole, made.lastIndexOf(whole)]]);
        expect(made.map((_, rank) => pieceOf(table, rank))).toEqual(made);
      }),
    );
  });

  it("reads a text as it reads a list, and no more lines than asked", () => {
    const merges = ["a b", "ab a", "b b"];
    const { text, starts, slots, shift } = createMergeTable(`${merges.join("\n")}\n`);
    expect({ text, starts, slots, shift, count: 3 }).toEqual(createMergeTable(merges));
    expect(cut(createMergeTable(merges, 1), "aba", 3)).toEqual([
      ["ab", 0],
      ["a", -1],
    ]);
    expect(cut(createMergeTable(merges, 2), "aba", 3)).toEqual([["aba", 1]]);
    expect(createMergeTable([]).count).toBe(0);
    expect(createMergeTable("not a merge", 0).count).toBe(0);
  });

  it("cuts words of any length", () => {
    const table = createMergeTable(["a a", "aa aa"]);
    expect(cut(table, "a".repeat(1001), 1001)).toHaveLength(251);
  });

  it.each([
    [["a b", "ab"], /^merge 2 is "ab"; expected two pieces and a blank$/],
    [["a b c"], /^merge 1 is "a b c"/],
    [[" a"], /^merge 1 is " a"/],
    [["a b", "a b\nc d"], /^merge 2 is "a b\nc d"/],
    ["a b\n\nc d", /^merge 2 is ""/],
    ["", /^merge 1 is ""/],
  ])("refuses %j", (merges, message) => {
    expect(() => createMergeTable(merges)).toThrow(message);
  });

  it.each([2, -1, 0.5, Number.NaN])("refuses to read %d merges of one", (count) => {
    expect(() => createMergeTable(["a b"], count)).toThrow(`needs ${count} merges, the table has 1`);
  });
});

import { describe, expect, it } from "vitest";
import { aupr, auroc, evaluate, fprAtTpr, toCsv, toJson, toMarkdown } from "./index.js";

const id = [0.9, 0.8, 0.4, 0.35];
const sets = { SUN: Float32Array.of(0.3, 0.4, 0.45), Places: [0.1] };

describe("evaluate", () => {
  it("gives a row per set, in order, and their plain average", () => {
    const { rows, average, conventions } = evaluate(id, sets);
    expect(rows).toEqual(
      Object.entries(sets).map(([set, ood]) => ({
        set,
        auroc: auroc(id, ood),
        aupr: aupr(id, ood),
        fpr95: fprAtTpr(id, ood),
        id: 4,
        ood: ood.length,
      })),
    );
    expect(average.auroc).toBe((rows[0]!.auroc + rows[1]!.auroc) / 2);
    expect(average.fpr95).toBe((2 / 3 + 0) / 2);
    expect(conventions).toEqual({ positive: "id", rule: "nearest", method: "average-precision" });
  });

  it("takes other conventions for the whole table", () => {
    const openOod = { positive: "ood", rule: "at-least", method: "trapezoid" } as const;
    const { rows, conventions } = evaluate(id, sets, openOod);
    expect(rows[0]!.aupr).toBe(aupr(id, sets.SUN, openOod));
    expect(rows[0]!.fpr95).toBe(fprAtTpr(id, sets.SUN, openOod));
    expect(conventions).toEqual(openOod);
  });

  it("names the set in errors", () => {
    expect(() => evaluate(id, { "my set": [] })).toThrow(/set "my set": OOD scores: expected at least one number/);
    expect(() => evaluate([NaN], sets)).toThrow(/^evaluate: ID scores: expected numbers, got NaN at index 0 of 1/);
    expect(() => evaluate(id, {})).toThrow(/expected at least one OOD set, got none/);
  });
});

describe("reports", () => {
  const hostile = evaluate([1, 0.5], { 'a|b\n\u001b[31m<script>, "x"\u202e': [0, 0.7], plain: [0.25] });

  it("Markdown in percent, names escaped", () => {
    expect(toMarkdown(hostile)).toBe(
      [
        "| OOD set | FPR95 (%) | AUROC (%) | AUPR (%) | ID images | OOD images |",
        "| :-- | --: | --: | --: | --: | --: |",
        '| a\\|b \\[31m&lt;script&gt;, "x" | 50.00 | 75.00 | 83.33 | 2 | 2 |',
        "| plain | 0.00 | 100.00 | 100.00 | 2 | 1 |",
        "| **average** | 25.00 | 87.50 | 91.67 |  |  |",
        "",
      ].join("\n"),
    );
  });

  it("CSV after RFC 4180", () => {
    const lines = toCsv(hostile).split("\r\n");
    expect(lines[0]).toBe("set,fpr95,auroc,aupr,id,ood");
    const aupr = String(hostile.rows[0]!.aupr); // every digit
    expect(lines[1]).toBe(`"a|b\n\u001b[31m<script>, ""x""\u202e",0.5,0.75,${aupr},2,2`);
    expect(lines[2]).toBe("plain,0,1,1,2,1");
    expect(lines[3]).toBe("");
  });

  it("JSON that reads back", () => expect(JSON.parse(toJson(hostile))).toEqual(hostile));
});

import type { Evaluation } from "@locoop/ood-metrics";
import { describe, expect, it } from "vitest";
import { labelRuns, statistic, summarise } from "./summarise.js";
import { formatPercent, formatTable } from "./table.js";
import type { MethodResult } from "./types.js";

const scores = (fpr95: number, auroc: number): MethodResult["scores"] => {
  const values = { fpr95, auroc, aupr: auroc };
  const evaluation: Evaluation = { rows: [{ set: "SUN", ...values, id: 2, ood: 2 }], average: values };
  return { mcm: { id: new Float64Array(2), ood: { SUN: new Float64Array(2) }, evaluation } };
};
const run = (method: string, seed: number | undefined, fpr95: number, auroc: number, shots?: number): MethodResult => ({
  method,
  shots,
  seed,
  accuracy: auroc - 0.1,
  scores: scores(fpr95, auroc),
});

describe("statistic", () => {
  it("gives mean, sample deviation and standard error", () => {
    // Values and results by hand: mean 4, squared deviations 4 + 0 + 4, std sqrt(8 / 2) = 2.
    const { mean, std, standardError, n } = statistic([2, 4, 6]);
    expect([mean, std, n]).toEqual([4, 2, 3]);
    expect(standardError).toBeCloseTo(2 / Math.sqrt(3), 15);
  });

  it("knows no deviation from a single value", () => {
    expect(statistic([0.5])).toEqual({ mean: 0.5, n: 1, values: [0.5] });
  });
});

describe("summarise", () => {
  const methods = [
    run("zero-shot", undefined, 0.5, 0.7),
    run("CoOp", 1, 0.4, 0.8, 4),
    run("CoOp", 2, 0.6, 0.7, 4),
    run("LoCoOp", 2, 0.5, 0.8, 4),
    run("LoCoOp", 1, 0.4, 0.9, 4),
    run("LoCoOp", 1, 0.3, 0.9, 16),
  ];

  it("groups by method and shots in the order given", () => {
    const { methods: groups, sets } = summarise(methods);
    expect(groups.map(({ method, shots, seeds }) => [method, shots, seeds])).toEqual([
      ["zero-shot", undefined, [undefined]],
      ["CoOp", 4, [1, 2]],
      ["LoCoOp", 4, [2, 1]],
      ["LoCoOp", 16, [1]],
    ]);
    expect(sets).toEqual(["SUN"]);
    expect(groups[1]!.scores[0]!.average.fpr95.mean).toBeCloseTo(0.5, 15);
    expect(groups[1]!.scores[0]!.average.fpr95.std).toBeCloseTo(Math.sqrt(0.02), 15);
  });

  describe("of runs with other settings", () => {
    const made = (one: MethodResult, settings: Record<string, string>): MethodResult => ({ ...one, settings });
    const base = { lambda: "0.25", topK: "10", epochs: "50" };

    it("takes no mean over them, and names what differs", () => {
      const { methods: groups } = summarise([
        made(run("LoCoOp", 1, 0.4, 0.9, 4), base),
        made(run("LoCoOp", 2, 0.3, 0.9, 4), base),
        made(run("LoCoOp", 1, 0.2, 0.9, 4), { ...base, lambda: "2" }),
        made(run("CoOp", 1, 0.2, 0.9, 4), { ...base, lambda: "0" }),
      ]);
      expect(groups.map(({ method, seeds }) => [method, seeds])).toEqual([
        ["LoCoOp (lambda 0.25)", [1, 2]],
        ["LoCoOp (lambda 2)", [1]],
        ["CoOp", [1]],
      ]);
    });

    it("pairs those that share all but lambda and K", () => {
      const { paired } = summarise([
        made(run("LoCoOp", 1, 0.4, 0.9, 4), base),
        made(run("LoCoOp", 1, 0.3, 0.9, 4), { ...base, epochs: "5" }),
        made(run("CoOp", 1, 0.9, 0.5, 4), { ...base, lambda: "0", topK: "20", epochs: "5" }),
        made(run("CoOp", 1, 0.8, 0.5, 4), { ...base, lambda: "0", epochs: "5" }),
      ]);
      expect(paired.map(({ method, scores: [first] }) => [method, first!.average.fpr95.mean])).toEqual([
        ["LoCoOp (epochs 5) \u2212 CoOp (topK 10)", -0.5],
      ]);
    });

    it("names a setting that only some have", () => {
      expect(
        labelRuns([
          { method: "mine", settings: { width: "3" } },
          { method: "mine", settings: {} },
          { method: "other", settings: { width: "5" } },
        ]),
      ).toEqual(["mine (width 3)", "mine (no width)", "other"]);
    });
  });

  it("pairs by seed and shots, whatever the order, and leaves out what has no partner", () => {
    const { paired } = summarise(methods);
    expect(paired).toHaveLength(1);
    const [{ method, shots, seeds, scores: all }] = paired as [(typeof paired)[0]];
    expect([method, shots, seeds]).toEqual(["LoCoOp \u2212 CoOp", 4, [2, 1]]);
    // Seed 2: .5 - .6; seed 1: .4 - .4. Mean -.05, deviation .1 / sqrt 2, error .05.
    const { fpr95 } = all[0]!.average;
    expect(fpr95.mean).toBeCloseTo(-0.05, 15);
    expect(fpr95.standardError).toBeCloseTo(0.05, 15);
    expect(fpr95.n).toBe(2);
  });

  it("leaves a set out of a mean where a run has not seen it", () => {
    const other = run("CoOp", 3, 0.9, 0.5, 4);
    const mcm = other.scores["mcm"]!;
    const rows = [{ ...mcm.evaluation.rows[0]!, set: "Places" }];
    const partial = { ...other, scores: { mcm: { ...mcm, evaluation: { ...mcm.evaluation, rows } } } };
    const summary = summarise([...methods.slice(0, 3), partial]);
    expect(summary.sets).toEqual(["SUN", "Places"]);
    expect(summary.methods[1]!.scores[0]!.sets.map(({ set, auroc }) => [set, auroc.n])).toEqual([
      ["SUN", 2],
      ["Places", 1],
    ]);
  });

  it("finds which sets the average is over, and says so where some are beside it", () => {
    expect(summarise(methods).averaged).toEqual(["SUN"]);
    const beside = methods.map((one) => {
      const mcm = one.scores["mcm"]!;
      const rows = [...mcm.evaluation.rows, { set: "near", fpr95: 0.9, auroc: 0.1, aupr: 0.1, id: 2, ood: 2 }];
      return { ...one, scores: { mcm: { ...mcm, evaluation: { ...mcm.evaluation, rows } } } };
    });
    const summary = summarise(beside);
    expect([summary.sets, summary.averaged]).toEqual([["SUN", "near"], ["SUN"]]);
    expect(formatTable(summary)).toContain("The average is over SUN.");
    expect(formatTable(summarise(methods))).not.toContain("The average");
  });

  it("keeps a method that was judged by accuracy alone", () => {
    const { methods: groups, sets } = summarise([{ method: "CoOp", accuracy: 0.5, scores: {} }]);
    expect([groups[0]?.accuracy?.mean, groups[0]?.scores, sets]).toEqual([0.5, [], []]);
    expect(formatTable(summarise([{ method: "CoOp", accuracy: 0.5, scores: {} }]))).toMatch(/CoOp +50\.0/);
  });

  it("is empty for no run", () => {
    expect(summarise([])).toEqual({ sets: [], methods: [], paired: [] });
  });
});

describe("formatPercent", () => {
  it("prints one decimal, a true minus, and a sign only where asked", () => {
    expect(formatPercent(statistic([0.1834]))).toBe("18.3");
    expect(formatPercent(statistic([0.1, 0.2]))).toBe("15.0 \u00b1 7.1");
    expect(formatPercent(statistic([-0.012]), { sign: true })).toBe("\u22121.2");
    expect(formatPercent(statistic([0.012]), { sign: true })).toBe("+1.2");
    expect(formatPercent(statistic([-0.0001]), { sign: true })).toBe("0.0");
    expect(formatPercent(undefined)).toBe("\u2013");
    expect(formatPercent(statistic([NaN]))).toBe("\u2013");
  });
});

describe("formatTable", () => {
  it("aligns every line of a table", () => {
    const text = formatTable(summarise([run("zero-shot", undefined, 0.5, 0.7), run("LoCoOp", 1, 0.05, 0.95, 1)]));
    expect(text.split("\n").slice(0, 6)).toEqual([
      "FPR95 in %, lower is better",
      "",
      "method          score   SUN  average",
      "──────────────  ─────  ────  ───────",
      "zero-shot       MCM    50.0     50.0",
      "LoCoOp, 1 shot  MCM     5.0      5.0",
    ]);
  });

  it("lets no name move the cursor", () => {
    const text = formatTable(summarise([run("\u001b[31mred\u001b[0m\r\n", 1, 0.5, 0.5)]));
    expect(text).not.toContain("\u001b");
    expect(text).not.toContain("\r");
    expect(text).toContain("\\x1b[31mred");
  });
});

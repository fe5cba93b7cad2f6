import { readFileSync } from "node:fs";
import { array, assert, constantFrom, double, integer, oneof, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { aupr, auroc, fprAtTpr, rocPoints, thresholdAtTpr, type FprOptions } from "../index.js";

// Values of the Python reference (scikit-learn, get_measures, OpenOOD): 1e-12, FPR exactly (its README).
type Expected = Record<
  | "auroc"
  | `aupr_${"id" | "ood"}_positive${"" | "_trapezoid"}`
  | "fpr95_reference"
  | `fpr95_${"id" | "ood"}_positive_first`,
  number
>;
interface Fixture {
  cases: Array<{ name: string; id: number[]; ood: number[]; expected: Expected }>;
  large: Record<"float32" | "rounded_to_float16", Expected>;
}
const fixtures = new URL("../../fixtures/", import.meta.url);
const { cases, large } = JSON.parse(readFileSync(new URL("metrics.json", fixtures), "utf8")) as Fixture;

function measure(id: ArrayLike<number>, ood: ArrayLike<number>): Expected {
  const method = "trapezoid";
  return {
    auroc: auroc(id, ood),
    aupr_id_positive: aupr(id, ood),
    aupr_ood_positive: aupr(id, ood, { positive: "ood" }),
    aupr_id_positive_trapezoid: aupr(id, ood, { method }),
    aupr_ood_positive_trapezoid: aupr(id, ood, { positive: "ood", method }),
    fpr95_reference: fprAtTpr(id, ood),
    fpr95_id_positive_first: fprAtTpr(id, ood, { rule: "at-least" }),
    fpr95_ood_positive_first: fprAtTpr(id, ood, { rule: "at-least", positive: "ood" }),
  };
}

// closeTo(value, 12) allows half of 1e-12.
function within(expected: Expected): object {
  const near = (key: string, value: number): unknown => (key.startsWith("fpr") ? value : expect.closeTo(value, 12));
  return Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, near(key, value)]));
}

describe("reference values", () => {
  it("has all 43 cases", () => expect(cases).toHaveLength(43));
  it.each(cases)("$name", ({ id, ood, expected }) => {
    expect(measure(id, ood)).toEqual(within(expected));
  });

  const bytes = readFileSync(new URL("metrics_large.safetensors", fixtures));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
  const [id, ood] = [all.slice(0, 50_000), all.slice(50_000)];
  it("50,000 ID and 10,000 OOD scores in float32", () => {
    expect(measure(id, ood)).toEqual(within(large.float32));
  });
  it("the same rounded to float16: 38 distinct values", () => {
    const rounded = [id, ood].map((scores) => scores.map(roundToHalf));
    expect(new Set(rounded.flatMap((scores) => [...scores])).size).toBe(38);
    expect(measure(rounded[0]!, rounded[1]!)).toEqual(within(large.rounded_to_float16));
  });
});

// Few distinct values make ties; infinities and signed zeros are scores too.
const score = oneof(
  constantFrom(-Infinity, -1, -0, 0, 0.5, 1, Infinity),
  double({ noNaN: true }),
  integer({ min: 0, max: 9 }),
);
const list = array(score, { minLength: 1, maxLength: 45 });
const recall = constantFrom(0.05, 0.5, 0.8, 0.9, 0.95, 1);
const rule = constantFrom<NonNullable<FprOptions["rule"]>>("nearest", "at-least");
const negated = (scores: readonly number[]): number[] => scores.map((value) => -value);

describe("properties", () => {
  it("auroc counts pairs, ties as one half", () => {
    assert(
      property(list, list, (id, ood) => {
        const won = id.flatMap((a) => ood.map((b) => (a > b ? 1 : a === b ? 0.5 : 0)));
        expect(auroc(id, ood)).toBe(won.reduce<number>((sum, value) => sum + value, 0) / won.length);
      }),
    );
  });

  it("auroc(a, b) = 1 - auroc(b, a)", () => {
    assert(
      property(list, list, (a, b) => {
        expect(auroc(a, b)).toBeCloseTo(1 - auroc(b, a), 14);
      }),
    );
  });

  it("a strictly increasing transform changes nothing", () => {
    const whole = array(integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 45 });
    assert(
      property(whole, whole, rule, (id, ood, rule) => {
        const [id2, ood2] = [id, ood].map((scores) => scores.map((value) => Math.exp(value / 4) - 7));
        expect(auroc(id2!, ood2!)).toBe(auroc(id, ood));
        expect(aupr(id2!, ood2!)).toBe(aupr(id, ood));
        expect(fprAtTpr(id2!, ood2!, { rule })).toBe(fprAtTpr(id, ood, { rule }));
      }),
    );
  });

  it("OOD positive is ID positive with sides swapped and scores negated", () => {
    assert(
      property(list, list, recall, rule, (id, ood, tpr, rule) => {
        const swapped = fprAtTpr(negated(ood), negated(id), { tpr, rule });
        expect(fprAtTpr(id, ood, { tpr, rule, positive: "ood" })).toBe(swapped);
        expect(aupr(id, ood, { positive: "ood" })).toBe(aupr(negated(ood), negated(id)));
      }),
    );
  });

  it("fprAtTpr equals a brute-force statement of both rules", () => {
    assert(
      property(list, list, recall, rule, (id, ood, tpr, rule) => {
        expect(fprAtTpr(id, ood, { tpr, rule })).toBe(bruteForceFpr(id, ood, tpr, rule));
      }),
    );
  });

  it("thresholdAtTpr is the highest ID score that keeps enough, and agrees with rule at-least", () => {
    assert(
      property(list, list, recall, (id, ood, tpr) => {
        const share = (scores: number[], at: number): number => scores.filter((s) => s >= at).length / scores.length;
        const threshold = thresholdAtTpr(id, { tpr });
        const highest = Math.max(...id.filter((at) => share(id, at) >= tpr));
        expect(threshold === highest).toBe(true); // signed zeros are equal
        expect(share(ood, threshold)).toBe(bruteForceFpr(id, ood, tpr, "at-least"));
      }),
    );
  });

  it("rocPoints ascend from (0, 0) to (1, 1) and enclose the AUROC", () => {
    assert(
      property(list, list, (id, ood) => {
        const { thresholds, tpr, fpr } = rocPoints(id, ood);
        expect(thresholds).toHaveLength(new Set([...id, ...ood]).size + 1); // a Set joins -0 and 0
        expect([tpr[0], fpr[0], tpr.at(-1), fpr.at(-1)]).toEqual([0, 0, 1, 1]);
        let area = 0;
        for (let k = 1; k < tpr.length; k++) area += ((fpr[k]! - fpr[k - 1]!) * (tpr[k]! + tpr[k - 1]!)) / 2;
        expect(area).toBeCloseTo(auroc(id, ood), 12);
      }),
    );
  });
});

describe("bad input", () => {
  it.each([
    ["an empty ID list", () => auroc([], [1]), /ID scores: expected at least one number, got an empty array/],
    ["an empty OOD list", () => aupr([1], []), /OOD scores: expected at least one/],
    ["NaN", () => fprAtTpr([1, NaN], [1]), /ID scores: expected numbers, got NaN at index 1 of 2/],
    ["NaN in float32", () => auroc([1], new Float32Array([NaN])), /OOD scores: .* NaN at index 0/],
    ["null", () => auroc([1], [null as unknown as number]), /got null at index 0/],
    [
      "no list",
      () => auroc(undefined as unknown as number[], [1]),
      /ID scores: expected an array of numbers, got undefined/,
    ],
    ["percent", () => fprAtTpr([1], [1], { tpr: 95 }), /tpr: expected a fraction .* write 0.95/],
    ["a recall of 0", () => thresholdAtTpr([1], { tpr: 0 }), /tpr: expected a fraction/],
    [
      "a wrong rule",
      () => fprAtTpr([1], [1], { rule: "first" as "nearest" }),
      /rule: expected "nearest" or "at-least", got first/,
    ],
    ["a wrong side", () => aupr([1], [1], { positive: "in" as "id" }), /positive: expected "id" or "ood"/],
    ["a wrong method", () => aupr([1], [1], { method: "ap" as "trapezoid" }), /method: expected "average-precision"/],
  ])("%s", (_, call, message) => expect(call).toThrow(message));

  it("inputs stay as they were", () => {
    const id = new Float32Array([3, 1, 2]);
    auroc(id, [2, 1]);
    expect([...id]).toEqual([3, 1, 2]);
  });
});

// Thresholds at every observed score. Nearest: least |recall - tpr|, then higher recall, then the lowest
// threshold (at recall 1 the highest). At least: the highest threshold that reaches the recall.
function bruteForceFpr(id: number[], ood: number[], tpr: number, rule: "nearest" | "at-least"): number {
  const points = [...new Set([...id, ...ood])].map((at) => ({
    at,
    recall: id.filter((value) => value >= at).length / id.length,
    fpr: ood.filter((value) => value >= at).length / ood.length,
  }));
  if (rule === "at-least") points.splice(0, Infinity, ...points.filter((point) => point.recall >= tpr));
  points.sort((a, b) => {
    if (rule === "at-least") return compare(b.at, a.at);
    const nearer = Math.abs(a.recall - tpr) - Math.abs(b.recall - tpr);
    return nearer || b.recall - a.recall || (a.recall === 1 ? compare(b.at, a.at) : compare(a.at, b.at));
  });
  return points[0]!.fpr;
}

// Subtraction would make NaN of two infinities.
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Rounds to the nearest float16, ties to even; enough for the normal and subnormal range of scores. */
function roundToHalf(value: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(value))));
  const unit = 2 ** (exponent - 10);
  const scaled = value / unit;
  const floor = Math.floor(scaled);
  const up = scaled - floor > 0.5 || (scaled - floor === 0.5 && floor % 2 !== 0);
  return (floor + Number(up)) * unit;
}

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { defineScore, energy, entropy, gen, glmcm, lmcm, maxLogit, mcm, msp, scores, type Matches } from "../index.js";
import { readFloat32Tensors } from "../../fixtures/read.js";
import { describeScore } from "../testing.js";

// float64 numpy and scipy on the same float32 cosines: 1e-12 relative to the score (the fixtures' README).
const TOLERANCE = 1e-12;
const fixtures = new URL("../../fixtures/", import.meta.url);
const expected = JSON.parse(readFileSync(new URL("scores.json", fixtures), "utf8")) as Record<
  string,
  { gen_gamma: number; gen_top: number; scores: Record<string, number[]> }
>;
const tensors = readFloat32Tensors(readFileSync(new URL("scores.safetensors", fixtures)));

describe.each(Object.keys(expected))("reference values, %s", (set) => {
  const global = tensors.get(`${set}.cosine`)!;
  const local = tensors.get(`${set}.cosine_local`)!;
  const matches: Matches = {
    global: global.data,
    local: local.data,
    classes: global.shape[1]!,
    regions: local.shape[1]!,
  };
  const { gen_gamma: gamma, gen_top: top } = expected[set]!;
  it.each([
    ["mcm_T1", mcm(matches)],
    ["mcm_T0.5", mcm(matches, { temperature: 0.5 })],
    ["lmcm_T1", lmcm(matches)],
    ["lmcm_T0.5", lmcm(matches, { temperature: 0.5 })],
    ["glmcm_T1", glmcm(matches)],
    ["glmcm_T0.5", glmcm(matches, { temperature: 0.5 })],
    ["glmcm_T1_local_weight_0.5", glmcm(matches, { localWeight: 0.5 })],
    ["msp", msp(matches)],
    ["max_logit", maxLogit(matches)],
    ["energy_cosine_T1", energy(matches)],
    ["energy_logits_T1", energy(matches, { logitScale: 100 })],
    ["negative_entropy_cosine_T1", entropy(matches)],
    ["negative_entropy_logits", entropy(matches, { logitScale: 100 })],
    ["gen_logits", gen(matches, { gamma, top })],
  ])("%s", (key, actual) => {
    const values = expected[set]!.scores[key]!;
    expect(actual).toHaveLength(values.length);
    values.forEach((value, image) =>
      expect(Math.abs(actual[image]! - value)).toBeLessThanOrEqual(TOLERANCE * Math.abs(value)),
    );
  });
});

for (const score of Object.values(scores)) describeScore(score);

describe("the index", () => {
  it("holds every score under its own name", () => {
    expect(Object.keys(scores)).toEqual(["mcm", "l-mcm", "gl-mcm", "msp", "max-logit", "energy", "entropy", "gen"]);
    for (const [name, score] of Object.entries(scores)) expect(score.name).toBe(name);
  });
  it("needs local features for l-mcm and gl-mcm alone", () => {
    const local = Object.values(scores).filter((score) => score.local);
    expect(local.map((score) => score.name)).toEqual(["l-mcm", "gl-mcm"]);
  });
});

describe("energy with a temperature", () => {
  it("is T log sum exp(s / T)", () => {
    const matches = { global: Float64Array.of(0.3, 0.1), classes: 2 };
    const by = 0.5 * Math.log(Math.exp(0.3 / 0.5) + Math.exp(0.1 / 0.5));
    expect(energy(matches, { temperature: 0.5 })[0]).toBeCloseTo(by, 14);
  });
});

describe("a score of one's own", () => {
  const margin = defineScore({
    name: "margin",
    cite: "https://example.org/margin",
    defaults: { power: 1 },
    row: ({ global }, { power }) => {
      const [first = 0, second = 0] = [...global].sort((a, b) => b - a);
      return (first - second) ** power;
    },
  });
  describeScore(margin);
  it("gets rows and options", () => {
    const matches = { global: Float64Array.of(0.25, 0.5, 0.125, 0.125), classes: 2 };
    expect([...margin(matches)]).toEqual([0.25, 0]);
    expect([...margin(matches, { power: 2 })]).toEqual([0.0625, 0]);
    expect([...margin(matches, { power: undefined })]).toEqual([0.25, 0]);
  });
});

describe("bad input", () => {
  const matches = { global: new Float32Array([0.3, 0.2]), classes: 2 };
  it.each([
    ["temperature 0", () => mcm(matches, { temperature: 0 }), /temperature: expected a finite number above 0, got 0/],
    [
      "temperature NaN",
      () => mcm(matches, { temperature: NaN }),
      /mcm: expected option temperature as a number, got NaN/,
    ],
    ["a string", () => mcm(matches, { temperature: "1" as unknown as number }), /temperature as a number, got 1/],
    ["a negative scale", () => maxLogit(matches, { logitScale: -1 }), /logitScale: expected a finite number above 0/],
    ["gamma 0", () => gen(matches, { gamma: 0 }), /gamma: expected a finite number above 0/],
    ["top 0", () => gen(matches, { top: 0 }), /top: expected at least 1, got 0/],
    ["a plain array", () => mcm({ global: [0.3] as unknown as Float32Array, classes: 1 }), /`global` as Float32Array/],
    ["no regions", () => lmcm({ ...matches, local: new Float32Array(4) }), /`regions` as a whole number/],
    ["wrong regions", () => lmcm({ ...matches, local: new Float32Array(4), regions: 3 }), /cosines \[1, 3, 2\], got 4/],
    ["inherited names", () => mcm(matches, { toString: 1 } as object), /known options \(temperature\), got "toString"/],
  ])("%s", (_, call, message) => expect(call).toThrow(message));
});

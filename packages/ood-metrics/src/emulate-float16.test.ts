import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { emulateFloat16, energy, glmcm, lmcm, mcm, scores, defineScore, type Matches } from "./index.js";
import { describeScore } from "./testing.js";
import { readFloat32Tensors } from "../fixtures/read.js";

const tensors = readFloat32Tensors(readFileSync(new URL("../fixtures/scores.safetensors", import.meta.url)));
const [mcm16, lmcm16, glmcm16] = [emulateFloat16(mcm), emulateFloat16(lmcm), emulateFloat16(glmcm)];

// The nearest half by looking through a list of all of them: a definition, not an algorithm. Positive numbers below 65504.
const halves = Array.from({ length: 0x7c00 }, (_, bits) => {
  const [exponent, fraction] = [bits >> 10, bits & 1023];
  return exponent === 0 ? fraction / 2 ** 24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
});
function nearestHalf(value: number): number {
  if (value < 0) return -nearestHalf(-value);
  let [low, high] = [0, halves.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (halves[middle]! <= value) low = middle;
    else high = middle;
  }
  const [below, above] = [value - halves[low]!, halves[high]! - value];
  if (below === above) return halves[low % 2 === 0 ? low : high]!;
  return halves[below < above ? low : high]!;
}

// What the reference does with the logits of one picture or region, in its order and with its roundings.
function expectedRow(cosines: readonly number[], logitScale: number, temperature: number): number {
  const logits = cosines.map((cosine) => nearestHalf(logitScale * cosine));
  const divided = logits.map((logit) => nearestHalf(nearestHalf(logit / 100) / temperature));
  const top = Math.max(...divided);
  const exponentials = divided.map((logit) => Math.exp(logit - top));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return Math.max(...exponentials.map((value) => nearestHalf(value / sum)));
}

describe.each(["small", "medium", "many_classes"])("against the definition, %s", (set) => {
  const global = tensors.get(`${set}.cosine`)!;
  const local = tensors.get(`${set}.cosine_local`)!;
  const [classes, regions] = [global.shape[1]!, local.shape[1]!];
  const matches: Matches = { global: global.data, local: local.data, classes, regions };
  const rows = (data: Float32Array): number[][] =>
    Array.from({ length: data.length / classes }, (_, i) => [...data.subarray(i * classes, (i + 1) * classes)]);
  it.each([
    [100, 1],
    [94.6324081, 1],
    [100, 0.5],
    [100, 0.01],
  ])("logit scale %d, temperature %d", (logitScale, temperature) => {
    const options = { logitScale, temperature };
    const ofRow = (row: number[]): number => expectedRow(row, logitScale, temperature);
    const globals = rows(global.data).map(ofRow);
    const regionwise = rows(local.data).map(ofRow);
    const locals = globals.map((_, b) => Math.max(...regionwise.slice(b * regions, (b + 1) * regions)));
    expect([...mcm16(matches, options)]).toEqual(globals);
    expect([...lmcm16(matches, options)]).toEqual(locals);
    expect([...glmcm16(matches, options)]).toEqual(globals.map((value, b) => nearestHalf(value + locals[b]!)));
  });
});

describe("emulated scores", () => {
  it("tie where float64 tells pictures apart", () => {
    // 1000 classes, one match of 0.2 to 0.4: scores near 0.0012, where halves lie 2^-20 apart.
    const [images, classes] = [500, 1000];
    const global = new Float32Array(images * classes);
    for (let b = 0; b < images; b++)
      for (let c = 0; c < classes; c++)
        global[b * classes + c] = c === 0 ? 0.2 + (0.2 * b) / images : 0.15 + 0.03 * Math.sin(7.1 * b + 1.3 * c);
    const exact = mcm({ global, classes });
    const emulated = mcm16({ global, classes });
    expect(new Set(exact).size).toBe(images);
    expect(new Set(emulated).size).toBeLessThan(images / 2);
    for (const value of emulated) expect(Number.isInteger(value * 2 ** 20)).toBe(true);
    emulated.forEach((value, b) => expect(Math.abs(value - exact[b]!)).toBeLessThan(2 ** -20));
  });

  it("divide by 100 whatever the logit scale", () => {
    const matches = { global: Float32Array.of(0.5, 0.25), classes: 2 };
    expect(mcm16(matches, { logitScale: 50 })[0]).toBe(nearestHalf(mcm(matches, { temperature: 2 })[0]!));
  });

  it("are named after what they emulate", () => {
    expect([mcm16, lmcm16, glmcm16].map(({ name, local }) => [name, local])).toEqual([
      ["mcm-float16", false],
      ["l-mcm-float16", true],
      ["gl-mcm-float16", true],
    ]);
  });

  it("are those that the reference computes alone", () => {
    const known = new Set<unknown>([mcm, lmcm, glmcm]);
    for (const score of Object.values(scores))
      if (!known.has(score))
        expect(() => emulateFloat16(score)).toThrow(`${score.name}: only the scores that the reference`);
    const own = defineScore({ name: "mcm", cite: "mine", defaults: {}, row: () => 0 });
    expect(() => emulateFloat16(own)).toThrow(/^mcm: only the scores/);
    expect(() => emulateFloat16(energy)).toThrow("leave energy out");
  });

  it("refuse options out of range", () => {
    const matches = { global: Float32Array.of(0.5, 0.25), classes: 2 };
    expect(() => mcm16(matches, { logitScale: 0 })).toThrow("logitScale: expected a finite number above 0");
    expect(() => mcm16(matches, { temperature: -1 })).toThrow("temperature: expected a finite number above 0");
    // A logit beyond what a half holds.
    expect(() => mcm16(matches, { logitScale: 1e6 })).toThrow("NaN");
  });
});

for (const score of [mcm16, lmcm16, glmcm16]) describeScore(score);

import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pythonRandom } from "./python-random.js";

interface Draws {
  seed: string;
  getrandbits_32: number[];
  random: number[];
  getrandbits: Array<[number, number]>;
  randbelow: Array<[number, number]>;
  shuffle_12: number[];
}
const fixture: { mt19937: Draws[]; seed_1_draws_623_to_628: number[] } = JSON.parse(
  readFileSync(new URL("../fixtures/fewshot.json", import.meta.url), "utf8"),
);

describe.each(fixture.mt19937)("Python's draws for seed $seed", (draws) => {
  const fresh = () => pythonRandom(BigInt(draws.seed));
  it("getrandbits(32)", () => {
    const random = fresh();
    expect(draws.getrandbits_32.map(() => random.getrandbits(32))).toEqual(draws.getrandbits_32);
  });
  it("random()", () => {
    const random = fresh();
    expect(draws.random.map(() => random.random())).toEqual(draws.random);
  });
  it("getrandbits of mixed widths", () => {
    const random = fresh();
    expect(draws.getrandbits.map(([bits]) => [bits, random.getrandbits(bits)])).toEqual(draws.getrandbits);
  });
  it("randbelow", () => {
    const random = fresh();
    expect(draws.randbelow.map(([n]) => [n, random.randbelow(n)])).toEqual(draws.randbelow);
  });
  it("shuffle", () => {
    const list = Array.from({ length: 12 }, (_, i) => i);
    expect(fresh().shuffle(list)).toEqual(draws.shuffle_12);
    expect(list).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });
});

describe("pythonRandom", () => {
  it("crosses the end of the first block of 624 words", () => {
    const random = pythonRandom(1);
    for (let i = 0; i < 623; i++) random.getrandbits(32);
    expect(fixture.seed_1_draws_623_to_628.map(() => random.getrandbits(32))).toEqual(fixture.seed_1_draws_623_to_628);
  });

  // The values below are CPython 3.11's.
  it("ignores the sign of a seed", () => {
    expect(pythonRandom(-5).random()).toBe(0.6229016948897019);
    expect(pythonRandom(-5n).random()).toBe(0.6229016948897019);
  });
  it("draws gauss, uniform and wide bits as one stream", () => {
    const random = pythonRandom(1);
    const normals = [random.gauss(), random.gauss(), random.gauss()];
    [1.2881847531554629, 1.449445608699771, 0.06633580893826191].forEach((z, i) =>
      expect(normals[i]).toBeCloseTo(z, 14),
    );
    expect(random.uniform(2, 5)).toBe(3.486305261275823);
    random.getrandbits(32); // 100 bits in Python are four words
    random.getrandbits(32);
    random.getrandbits(32);
    random.getrandbits(32);
    expect(random.getrandbits(53)).toBe(1891107552740886);
    expect(random.getrandbits(33)).toBe(403123852);
    expect(random.getrandbits(0)).toBe(0);
  });
  it("samples on both sides of the switch from pool to set", () => {
    const random = pythonRandom(7);
    const draw = (n: number, count: number) =>
      random.sample(
        Array.from({ length: n }, (_, i) => i),
        count,
      );
    expect(draw(30, 10)).toEqual([10, 4, 12, 20, 1, 2, 17, 3, 11, 18]);
    expect(draw(1000, 20)).toEqual([
      59, 931, 519, 219, 38, 88, 444, 428, 71, 246, 92, 564, 434, 60, 846, 579, 126, 970, 228, 645,
    ]);
    expect(draw(21, 5)).toEqual([20, 18, 1, 12, 19]);
    expect(draw(22, 5)).toEqual([7, 1, 17, 4, 9]);
    expect(draw(3, 3)).toEqual([1, 0, 2]);
    expect(draw(100, 0)).toEqual([]);
  });
  it("refuses what it cannot draw, in one line", () => {
    expect(() => pythonRandom(0.5)).toThrow("expected a whole number as the seed, got 0.5");
    expect(() => pythonRandom(2 ** 60)).toThrow("bigint");
    expect(() => pythonRandom(1).getrandbits(54)).toThrow("expected 0 to 53 bits, got 54");
    expect(() => pythonRandom(1).randbelow(0)).toThrow("expected a whole number from 1");
    expect(() => pythonRandom(1).sample([1, 2], 3)).toThrow("expected to draw 0 to 2 members of a list of 2, got 3");
  });
  it("samples distinct members of any list", () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.nat(200), fc.nat(200), (seed, n, k) => {
        const list = Array.from({ length: n }, (_, i) => i);
        const drawn = pythonRandom(seed).sample(list, Math.min(n, k));
        expect(new Set(drawn).size).toBe(Math.min(n, k));
        expect(drawn.every((i) => i >= 0 && i < n)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

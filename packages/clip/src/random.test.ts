import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "./random.js";

describe("createRandom", () => {
  it("repeats itself, and differs with the seed", () => {
    const seeds = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(seeds, seeds, (a, b) => {
        const draws = (seed: string | number) => {
          const random = createRandom(seed);
          return [random.next(), random.normal(), random.integer(1000), random.next()];
        };
        expect(draws(a)).toEqual(draws(String(a)));
        if (String(a) !== String(b)) expect(draws(a)).not.toEqual(draws(b));
      }),
    );
  });

  it("keeps its numbers from version to version", () => {
    const random = createRandom(1);
    expect([random.next(), random.next(), random.integer(1000), random.normal()]).toMatchInlineSnapshot(`
      [
        0.18070539061073532,
        0.699354483082122,
        376,
        -0.8614594733417037,
      ]
    `);
  });

  it("is uniform and normal, and its streams of neighbouring seeds are unrelated", () => {
    const count = 100_000;
    const [a, b] = [createRandom("1"), createRandom("2")];
    let [sum, square, cross, fourth] = [0, 0, 0, 0];
    const bins = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < count; i++) {
      const x = a.normal();
      const y = b.normal();
      sum += x;
      square += x * x;
      cross += x * y;
      fourth += x ** 4;
      const value = b.integer(10);
      bins[value] = (bins[value] ?? 0) + 1;
    }
    // Five standard errors.
    expect(Math.abs(sum / count)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(cross / count)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(square / count - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(fourth / count - 3)).toBeLessThan(5 * Math.sqrt(96 / count));
    for (const bin of bins) expect(Math.abs(bin - count / 10)).toBeLessThan(5 * Math.sqrt(count * 0.09));
  });

  it("has unrelated first numbers over many seeds", () => {
    const count = 20_000;
    const first = Array.from({ length: count }, (_, i) => createRandom(`7/epoch 1/${i}`).next());
    const mean = first.reduce((total, value) => total + value, 0) / count;
    const lag = first.slice(1).reduce((total, value, i) => total + (value - 0.5) * (first[i]! - 0.5), 0) / count;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / count));
    expect(Math.abs(lag)).toBeLessThan(5 / 12 / Math.sqrt(count));
    expect(new Set(first).size).toBe(count);
  });

  it("refuses what is no seed and no range", () => {
    expect(() => createRandom(NaN)).toThrow(/seed is NaN/);
    expect(() => createRandom(1).integer(0)).toThrow(/cannot draw below 0/);
  });
});

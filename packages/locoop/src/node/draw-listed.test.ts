import { describe, expect, it } from "vitest";
import { drawListed } from "./draw-listed.js";

const classNames = ["a", "b", "c"];

describe("drawListed", () => {
  it("draws what Python draws, classes in the order of their first picture", () => {
    const first = [2, 0, 1].map((label) => ({ path: "0", label }));
    const others = Array.from({ length: 29 }, (_, i) => [0, 1, 2].map((label) => ({ path: `${i + 1}`, label }))).flat();
    const { items, short } = drawListed({ classNames, items: [...first, ...others] }, { shots: 3, seed: 5 });
    // Python 3.11: random.seed(5), random.sample(pictures, 3) for each class of a dict filled in the order of the list.
    const expected = "2/19 2/8 2/23 0/11 0/25 0/22 1/26 1/23 1/20";
    expect(items.map(({ path, label }) => `${label}/${path}`).join(" ")).toBe(expected);
    expect(short).toEqual([]);
  });

  it("takes small classes whole and names them", () => {
    const items = [1, 1, 0].map((label, i) => ({ path: `${i}`, label }));
    const drawn = drawListed({ classNames, items }, { shots: 2, seed: 1 });
    expect(drawn.items).toHaveLength(3);
    expect(drawn.short).toEqual(["a (1)"]);
  });
});

import { expect, test } from "vitest";
import { cosines, normalizeRows } from "./similarity.js";

const floats = (shape: number[], ...values: number[]) => ({ data: Float32Array.from(values), shape });

test("rows become of length 1, zeros stay", () => {
  const { data, shape } = normalizeRows(floats([3, 2], 3, 4, 0, 0, -5, 0));
  expect(shape).toEqual([3, 2]);
  [0.6, 0.8, 0, 0, -1, 0].forEach((value, i) => expect(data[i]).toBeCloseTo(value, 6));
});

test("cosines of pictures and regions with classes, whatever their lengths", () => {
  const global = floats([2, 2], 2, 0, 3, 3);
  const local = floats([2, 1, 2], 0, 7, -1, 0);
  const classes = floats([3, 2], 1, 0, 0, 9, 1, 1);
  const half = Math.SQRT1_2;
  const result = cosines({ global, local }, classes);
  expect([result.classes, result.regions]).toEqual([3, 1]);
  [1, 0, half, half, half, 1].forEach((value, i) => expect(result.global[i]).toBeCloseTo(value, 6));
  [0, 1, half, -1, 0, -half].forEach((value, i) => expect(result.local![i]).toBeCloseTo(value, 6));
  expect(cosines({ global }, classes)).not.toHaveProperty("local");
});

test("refuses features of another width", () => {
  expect(() => cosines({ global: floats([1, 3], 1, 2, 3) }, floats([1, 2], 1, 0))).toThrow(
    "cosines: expected features of width 2, the classes', came [1,3]: encode both with one model",
  );
});

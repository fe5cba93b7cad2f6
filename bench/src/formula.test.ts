import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fill, listWeights } from "./formula.js";

test("the weights are those of the full-size test of @locoop/clip", () => {
  const fixture = new URL("../../packages/clip/fixtures/ladder/ladder.json", import.meta.url);
  const ladder = JSON.parse(readFileSync(fixture, "utf8")) as {
    tensors: { tensor: number; name: string; shape: number[]; amplitude: number; base: number }[];
    spot_checks: Record<string, [number, number][]>;
  };
  const list = listWeights().map((entry, tensor) => ({ tensor, ...entry }));
  expect(list).toEqual(ladder.tensors);
  const small = list.find(({ name }) => name === "ln_final.bias")!;
  const { data } = fill(small.tensor, small.shape, small.amplitude, small.base);
  for (const [i, value] of ladder.spot_checks[small.name] ?? []) expect(data[i]).toBe(value);
  expect(data.every((value) => Math.abs(value) <= small.amplitude)).toBe(true);
});

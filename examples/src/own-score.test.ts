import { describeScore } from "@locoop/ood-metrics/testing";
import { expect, it } from "vitest";
import { margin } from "./own-score.js";

describeScore(margin);

it("is the gap between the best class and the one at the rank", () => {
  const matches = { global: Float64Array.of(0.25, 0.5, 0.125), classes: 3 };
  expect([...margin(matches)]).toEqual([0.25]);
  expect([...margin(matches, { rank: 3 })]).toEqual([0.375]);
});

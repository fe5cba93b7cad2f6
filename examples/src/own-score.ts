// A score of your own in one file: `locoop evaluate --run RUN --data DATA --score ./examples/dist/own-score.js`.
import { defineScore } from "@locoop/ood-metrics";

/** How far the best class stands above the second best: small where two classes claim the picture, or none does. */
export const margin = defineScore({
  name: "margin",
  cite: "examples/src/own-score.ts",
  defaults: { weight: 1 },
  row: ({ global }, { weight }) => {
    let best = -Infinity;
    let second = -Infinity;
    for (const cosine of global) {
      if (cosine > best) {
        second = best;
        best = cosine;
      } else if (cosine > second) second = cosine;
    }
    return weight * (best - second);
  },
});

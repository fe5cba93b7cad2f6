// A score of your own in one file: `locoop evaluate --run RUN --id DIR --ood NAME=DIR --score mcm,./examples/dist/own-score.js`.
import { defineScore } from "@locoop/ood-metrics";

/** How far the best class stands above the one at `rank`: small where several classes claim the picture, or none does. */
export const margin = defineScore({
  name: "margin",
  cite: "examples/src/own-score.ts",
  defaults: { rank: 2 },
  row: ({ global }, { rank }) => {
    const cosines = Float64Array.from(global).sort(); // [C], the best class last
    const at = (place: number): number => cosines[Math.max(0, cosines.length - place)] ?? 0;
    return at(1) - at(rank);
  },
});

import { requirePositive } from "../checks.js";
import { defineScore, type Score } from "../score.js";
import { softmax } from "../softmax.js";

/**
 * GEN, generalised entropy: minus the sum of (p (1 - p))^gamma over the `top` largest p of softmax(logitScale s).
 *
 * [B, C] to [B]. With fewer classes than `top`, all count. Liu, Lochman and Zach, CVPR 2023 (its gamma 0.1 and top 100).
 *
 * @example
 * ```ts
 * import { gen } from "@locoop/ood-metrics";
 * console.log(gen({ global: new Float32Array([0.31, 0.2, 0.19, 0.2]), classes: 2 }, { top: 2 }));
 * ```
 */
export const gen: Score<{ gamma: number; top: number; logitScale: number }> = defineScore({
  name: "gen",
  cite: "https://github.com/XixiLiu95/GEN",
  defaults: { gamma: 0.1, top: 100, logitScale: 100 },
  row: ({ global }, { gamma, top, logitScale }) => {
    requirePositive("gamma", gamma);
    requirePositive("logitScale", logitScale);
    if (!(top >= 1)) throw new RangeError(`top: expected at least 1, got ${top}; leave it out for 100`);
    const ascending = softmax(global, 1 / logitScale).sort();
    let total = 0;
    for (const p of ascending.subarray(Math.max(0, ascending.length - Math.floor(top))))
      total -= (p * (1 - p)) ** gamma;
    return total;
  },
});

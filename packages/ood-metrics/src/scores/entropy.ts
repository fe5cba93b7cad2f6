import { requirePositive } from "../checks.js";
import { defineScore, type Score } from "../score.js";
import { softmax } from "../softmax.js";

/**
 * Negative entropy of the class probabilities: sum_c p log p with p = softmax(logitScale s / T); 0 log 0 is 0.
 *
 * [B, C] to [B], between -log C and 0. As MCM's repository has it, on plain cosines (logitScale 1);
 * pass logitScale 100 for CLIP's probabilities. Ming et al., NeurIPS 2022, arXiv:2211.13445 (`--score entropy` of its code).
 *
 * @example
 * ```ts
 * import { entropy } from "@locoop/ood-metrics";
 * console.log(entropy({ global: new Float32Array([0.25, 0.25]), classes: 2 })[0]?.toFixed(3)); // → -0.693
 * ```
 */
export const entropy: Score<{ temperature: number; logitScale: number }> = defineScore({
  name: "entropy",
  cite: "arXiv:2211.13445",
  defaults: { temperature: 1, logitScale: 1 },
  row: ({ global }, { temperature, logitScale }) => {
    requirePositive("logitScale", logitScale);
    let total = 0;
    for (const p of softmax(global, temperature / logitScale)) total += p === 0 ? 0 : p * Math.log(p);
    return total;
  },
});

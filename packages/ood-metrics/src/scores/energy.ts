import { requirePositive } from "../checks.js";
import { defineScore, type Score } from "../score.js";
import { logSumExp } from "../softmax.js";

/**
 * Energy, with the sign that makes ID high: T log sum_c exp(logitScale s_c / T).
 *
 * [B, C] to [B]. As MCM's repository has it, on plain cosines (logitScale 1); pass logitScale 100 for CLIP's logits.
 * Liu et al., NeurIPS 2020, arXiv:2010.03759.
 *
 * @example
 * ```ts
 * import { energy } from "@locoop/ood-metrics";
 * const matches = { global: new Float32Array([0.31, 0.2, 0.19, 0.2]), classes: 2 };
 * console.log(energy(matches), energy(matches, { logitScale: 100 }));
 * ```
 */
export const energy: Score<{ temperature: number; logitScale: number }> = defineScore({
  name: "energy",
  cite: "arXiv:2010.03759",
  defaults: { temperature: 1, logitScale: 1 },
  row: ({ global }, { temperature, logitScale }) => {
    requirePositive("logitScale", logitScale);
    // T lse(k s / T) = k (T / k) lse(s / (T / k))
    return logitScale * logSumExp(global, temperature / logitScale);
  },
});

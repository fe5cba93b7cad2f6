import { requirePositive } from "../checks.js";
import { defineScore, type Score } from "../score.js";
import { maxSoftmax } from "../softmax.js";

/**
 * MSP, maximum softmax probability: max_c softmax_c(logitScale s), which is MCM at temperature 1 / logitScale.
 *
 * [B, C] to [B]. The scale 100 is CLIP's. Hendrycks and Gimpel, ICLR 2017, arXiv:1610.02136.
 *
 * @example
 * ```ts
 * import { msp } from "@locoop/ood-metrics";
 * console.log(msp({ global: new Float32Array([0.2, 0.2]), classes: 2 })); // → 0.5
 * ```
 */
export const msp: Score<{ logitScale: number }> = defineScore({
  name: "msp",
  cite: "arXiv:1610.02136",
  defaults: { logitScale: 100 },
  row: ({ global }, { logitScale }) => {
    requirePositive("logitScale", logitScale);
    return maxSoftmax(global, 1 / logitScale);
  },
});

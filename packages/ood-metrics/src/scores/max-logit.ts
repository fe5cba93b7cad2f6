import { requirePositive } from "../checks.js";
import { defineScore, type Score } from "../score.js";
import { largest } from "../softmax.js";

/**
 * Max-logit: logitScale times the largest global cosine.
 *
 * [B, C] to [B]. The scale does not change any metric. Hendrycks et al., ICML 2022, arXiv:1911.11132.
 *
 * @example
 * ```ts
 * import { maxLogit } from "@locoop/ood-metrics";
 * console.log(maxLogit({ global: new Float32Array([0.25, 0.125]), classes: 2 })); // → 25
 * ```
 */
export const maxLogit: Score<{ logitScale: number }> = defineScore({
  name: "max-logit",
  cite: "arXiv:1911.11132",
  defaults: { logitScale: 100 },
  row: ({ global }, { logitScale }) => {
    requirePositive("logitScale", logitScale);
    return logitScale * largest(global);
  },
});

import { defineScore, type Score } from "../score.js";
import { maxSoftmax } from "../softmax.js";

/**
 * MCM, maximum concept matching: the largest softmax over classes of the global cosines, max_c softmax_c(s / T).
 *
 * [B, C] to [B]. Throws on NaN cosines, wrong shapes, unknown options. Ming et al., NeurIPS 2022, arXiv:2211.13445.
 *
 * @example
 * ```ts
 * import { mcm } from "@locoop/ood-metrics";
 * console.log(mcm({ global: new Float32Array([0.31, 0.2, 0.19, 0.2]), classes: 2 }, { temperature: 0.5 }));
 * ```
 */
export const mcm: Score<{ temperature: number }> = defineScore({
  name: "mcm",
  cite: "arXiv:2211.13445",
  defaults: { temperature: 1 },
  row: ({ global }, { temperature }) => maxSoftmax(global, temperature),
});

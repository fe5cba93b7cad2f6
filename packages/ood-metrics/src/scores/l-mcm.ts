import type { Row } from "../matches.js";
import { defineScore, type Score } from "../score.js";
import { maxSoftmax } from "../softmax.js";

/**
 * L-MCM, local MCM: the largest softmax of any region, max_i max_c softmax_c(s_i / T), softmax within each region.
 *
 * [B, P, C] to [B]; needs local features, throws without. Miyai et al., GL-MCM, IJCV 2025, arXiv:2304.04521.
 *
 * @example
 * ```ts
 * import { lmcm } from "@locoop/ood-metrics";
 * const global = new Float32Array([0.3, 0.2]); // one image, two classes
 * const local = new Float32Array([0.25, 0.25, 0.4, 0.1]); // its two regions
 * console.log(lmcm({ global, local, classes: 2, regions: 2 })[0]?.toFixed(3)); // → 0.574
 * ```
 */
export const lmcm: Score<{ temperature: number }> = defineScore({
  name: "l-mcm",
  cite: "arXiv:2304.04521",
  defaults: { temperature: 1 },
  local: true,
  row: ({ local }, { temperature }) => maxOverRegions(local, temperature),
});

/** The largest softmax over regions and classes; NaN in any region stays NaN. */
export function maxOverRegions(local: readonly Row[], temperature: number): number {
  let best = 0;
  for (const region of local) best = Math.max(best, maxSoftmax(region, temperature));
  return best;
}

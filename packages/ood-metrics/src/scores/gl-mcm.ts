import { defineScore, type Score } from "../score.js";
import { maxSoftmax } from "../softmax.js";
import { maxOverRegions } from "./l-mcm.js";

/**
 * GL-MCM: MCM of the whole image plus `localWeight` (the paper's lambda) times L-MCM of its regions.
 *
 * [B, C] and [B, P, C] to [B]; needs local features, throws without. Miyai et al., IJCV 2025, arXiv:2304.04521.
 *
 * @example
 * ```ts
 * import { glmcm } from "@locoop/ood-metrics";
 * const global = new Float32Array([0.3, 0.2]); // one image, two classes
 * const local = new Float32Array([0.25, 0.25, 0.4, 0.1]); // its two regions
 * console.log(glmcm({ global, local, classes: 2, regions: 2 }, { localWeight: 0.5 }));
 * ```
 */
export const glmcm: Score<{ temperature: number; localWeight: number }> = defineScore({
  name: "gl-mcm",
  cite: "arXiv:2304.04521",
  defaults: { temperature: 1, localWeight: 1 },
  local: true,
  row: ({ global, local }, { temperature, localWeight }) =>
    maxSoftmax(global, temperature) + localWeight * maxOverRegions(local, temperature),
});

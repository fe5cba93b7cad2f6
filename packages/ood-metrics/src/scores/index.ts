import type { Score } from "../score.js";
import { energy } from "./energy.js";
import { entropy } from "./entropy.js";
import { gen } from "./gen.js";
import { glmcm } from "./gl-mcm.js";
import { lmcm } from "./l-mcm.js";
import { maxLogit } from "./max-logit.js";
import { mcm } from "./mcm.js";
import { msp } from "./msp.js";

/**
 * Every score by its name: mcm, l-mcm, gl-mcm, msp, max-logit, energy, entropy, gen.
 *
 * A new score is one file and one line here.
 *
 * @example
 * ```ts
 * import { scores } from "@locoop/ood-metrics";
 * const matches = { global: new Float32Array([0.31, 0.2, 0.19, 0.2]), classes: 2 };
 * for (const score of Object.values(scores)) if (!score.local) console.log(score.name, score(matches));
 * ```
 */
export const scores: Readonly<Record<string, Score>> = Object.freeze(
  Object.fromEntries(
    [mcm, lmcm, glmcm, msp, maxLogit, energy, entropy, gen].map((score) => [score.name, score as Score]),
  ),
);

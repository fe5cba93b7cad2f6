import { requirePositive } from "./checks.js";
import { roundToFloat16 } from "./float16.js";
import type { Row } from "./matches.js";
import { defineScore, type Score, type ScoreRow } from "./score.js";
import { glmcm } from "./scores/gl-mcm.js";
import { lmcm } from "./scores/l-mcm.js";
import { mcm } from "./scores/mcm.js";
import { largest } from "./softmax.js";

/** Options of a score with emulated rounding. */
export interface Float16Options {
  readonly temperature: number;
  /** What the reference multiplies cosines by before it rounds them: the model's exp(logit_scale), CLIP's own being 100. */
  readonly logitScale: number;
}

// By the score itself and not by its name: a score of one's own may be called mcm, too.
const emulated = new Map<unknown, (row: ScoreRow, options: Float16Options) => number>([
  [mcm, ({ global }, options) => maxSoftmax(global, options)],
  [lmcm, ({ local }, options) => maxOverRegions(local, options)],
  [glmcm, ({ global, local }, options) => roundToFloat16(maxSoftmax(global, options) + maxOverRegions(local, options))],
]);

/**
 * MCM, L-MCM or GL-MCM with the rounding of LoCoOp's Python code at its default precision, float16, ties and all; for
 * comparison with numbers made by it, not for use. The score is called `<name>-float16`.
 *
 * `test_ood` of `trainers/locoop.py` on a GPU, step by step, every result rounded to float16: the logit, `logitScale` times the
 * cosine; divided by 100.0, whatever the logit scale; divided by the temperature; the softmax, computed in float32; the largest of
 * it; for GL-MCM the sum of the global and the local one. **Not** emulated: the reference's features are float16, too, and so is
 * each step from them to the logits; here the cosines are the caller's. The order of the float32 sum in the softmax is not its
 * either, which can move a probability that lies on the border between two halves.
 *
 * @throws TypeError for any other score: the reference has none of them.
 * @example
 * ```ts
 * import { emulateFloat16, mcm } from "@locoop/ood-metrics";
 * const matches = { global: new Float32Array([0.31, 0.2, 0.19, 0.3101, 0.2, 0.19]), classes: 3 }; // two images
 * const [first, second] = mcm(matches);
 * console.log(first === second); // → false
 * const [one, other] = emulateFloat16(mcm)(matches, { logitScale: 100 });
 * console.log(one === other, one); // → true 0.359375
 * ```
 */
export function emulateFloat16(score: Pick<Score<never>, "name" | "cite" | "local">): Score<Float16Options> {
  const row = emulated.get(score);
  if (!row)
    throw new TypeError(
      `${score.name}: only the scores that the reference computes can be emulated in float16 (mcm, l-mcm, gl-mcm); leave ${score.name} out, or take it in full precision`,
    );
  const { name, cite, local } = score;
  return defineScore<Float16Options>({
    name: `${name}-float16`,
    cite,
    defaults: { temperature: 1, logitScale: 100 },
    local,
    row,
  });
}

function maxSoftmax(row: Row, { temperature, logitScale }: Float16Options): number {
  requirePositive("temperature", temperature);
  requirePositive("logitScale", logitScale);
  const logits = Float64Array.from(row, (cosine) =>
    roundToFloat16(roundToFloat16(roundToFloat16(logitScale * cosine) / 100) / temperature),
  );
  const top = largest(logits);
  let total = 0;
  for (const logit of logits) total += Math.fround(Math.exp(logit - top));
  return roundToFloat16(Math.fround(1 / Math.fround(total)));
}

function maxOverRegions(local: readonly Row[], options: Float16Options): number {
  let best = 0;
  for (const region of local) best = Math.max(best, maxSoftmax(region, options));
  return best;
}

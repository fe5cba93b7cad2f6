import type { Matches } from "@locoop/ood-metrics";
import { emulateFloat16, type Float16Options, glmcm, lmcm, mcm, type Score, scores } from "@locoop/ood-metrics";
import { UsageError } from "./errors.js";

/** The scores with the reference's float16 rounding, by their names: mcm-float16, l-mcm-float16, gl-mcm-float16. */
export const float16Scores: Readonly<Record<string, Score<Float16Options>>> = Object.fromEntries(
  [emulateFloat16(mcm), emulateFloat16(lmcm), emulateFloat16(glmcm)].map((score) => [score.name, score]),
);

/** What a report says of them. */
export const FLOAT16_NOTE =
  "Scores emulate the float16 rounding of LoCoOp's Python code (logits, division by 100, softmax, sum), ties included; its features are float16, too, which is not emulated. Full precision is without --emulate-fp16-scores.";

/** The choices with each score replaced by its emulation; scores that the reference does not compute are refused. */
export function toFloat16(choices: readonly string[]): string[] {
  return choices.map((choice) => {
    if (Object.hasOwn(float16Scores, choice)) return choice;
    const emulated = `${choice}-float16`;
    if (Object.hasOwn(float16Scores, emulated)) return emulated;
    const known = Object.keys(float16Scores).map((name) => name.replace(/-float16$/, ""));
    throw new UsageError(
      `--emulate-fp16-scores is for the scores that the reference computes (${known.join(", ")}), got "${choice}"${Object.hasOwn(scores, choice) ? "" : ", a score of your own or none"}; leave one of the two out`,
    );
  });
}

/** Calls a score; an emulated one with the logit scale of the model, which its rounding depends on. */
export function callScore(
  score: { (matches: Matches): Float64Array; readonly name: string },
  matches: Matches,
  logitScale: number,
): Float64Array {
  const emulated = Object.hasOwn(float16Scores, score.name) ? float16Scores[score.name] : undefined;
  return emulated === (score as unknown) ? emulated!(matches, { logitScale }) : score(matches);
}

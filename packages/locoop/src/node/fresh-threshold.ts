import type { Floats } from "@locoop/clip";
import { listPictures } from "@locoop/datasets";
import { thresholdAtTpr } from "@locoop/ood-metrics";
import { unreadableCalibration } from "./calibration.js";
import { thinOut } from "./data.js";
import type { ScoreChoice } from "./plugins.js";
import type { JobOptions, Workshop } from "./workshop.js";

/** A threshold and on how many pictures it was calibrated. */
export interface FreshThreshold {
  readonly threshold: number;
  readonly pictures: number;
}

/** The threshold that 95 % of a folder's in-distribution pictures pass, of at most 5000 of them. */
export async function calibrateOn(
  folder: string,
  {
    workshop,
    classFeatures,
    choice,
    ...options
  }: JobOptions & { readonly workshop: Workshop; readonly classFeatures: Floats; readonly choice: ScoreChoice },
): Promise<FreshThreshold> {
  const paths = thinOut(await listPictures(folder), 5000).map(({ path }) => path);
  const scored = await workshop.score(paths, { classFeatures: [classFeatures], scores: [choice], ...options });
  const values = scored.flatMap(({ judgements: [judged] }) => (judged ? [judged.scores[0]!] : []));
  if (values.length === 0) throw new Error(unreadableCalibration(paths.length, folder));
  return { threshold: thresholdAtTpr(values, { tpr: 0.95 }), pictures: values.length };
}

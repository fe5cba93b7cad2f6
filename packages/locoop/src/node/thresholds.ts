import type { Floats } from "@locoop/clip";
import { thresholdAtTpr } from "@locoop/ood-metrics";
import { unreadableCalibration } from "./calibration.js";
import { loadScores } from "./plugins.js";
import type { CalibrationOrigin, DetectorFile } from "./run-folder.js";
import { judgeFeatures, type ScoredPicture } from "./scoring.js";
import type { TrainSpec, TrainSurroundings } from "./train-run.js";

const NOTES: Record<CalibrationOrigin, string> = {
  folder: "calibrated on a folder of in-distribution pictures",
  "left-over": "calibrated on in-distribution pictures that the few-shot draw left over",
  shots:
    "calibrated on the training shots themselves, for want of other pictures: the threshold is optimistic, and fewer than 95 % of new in-distribution pictures will pass; give --calibration DIR",
};

/** Thresholds that 95 % of the calibration pictures pass. */
export async function calibrateRun(
  spec: TrainSpec,
  classFeatures: Floats,
  { workshop, clip, signal, onProgress }: TrainSurroundings,
): Promise<DetectorFile> {
  const { origin, source, paths } = spec.calibration;
  const choices = spec.config.scores;
  const scores = await loadScores(choices);
  const { features } = spec.calibration;
  const scored: ScoredPicture[] = features
    ? (await judgeFeatures(features, [classFeatures], { scores, clip }))[0]!.map((judgement, i) => ({
        path: paths[i]!,
        judgements: [judgement],
      }))
    : await workshop.score(paths, {
        classFeatures: [classFeatures],
        scores: choices,
        signal,
        onProgress: (done) => onProgress?.({ stage: "calibrate", done, total: paths.length }),
      });
  const good = scored.filter(({ error }) => error === undefined);
  if (good.length === 0) throw new Error(unreadableCalibration(paths.length, source));
  const tpr = 0.95;
  const thresholds = Object.fromEntries(
    scores.map((score, i) => [
      score.name,
      {
        choice: choices[i]!,
        threshold: thresholdAtTpr(
          Float64Array.from(good, ({ judgements }) => judgements[0]!.scores[i]!),
          { tpr },
        ),
      },
    ]),
  );
  return {
    version: 1,
    score: scores[0]!.name,
    tpr,
    thresholds,
    origin,
    source,
    pictures: good.length,
    unreadable: scored.filter(({ error }) => error !== undefined).map(({ path }) => path),
    note: NOTES[origin],
  };
}

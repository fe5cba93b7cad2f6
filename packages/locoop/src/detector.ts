import type { Floats, ImageFeatures } from "@locoop/clip";
import { cosines } from "@locoop/clip";
import type { Matches } from "@locoop/ood-metrics";

/** A score as the detector calls it: every score of `@locoop/ood-metrics` is one. */
export interface DetectorScore {
  (matches: Matches): Float64Array;
  readonly name: string;
  readonly local: boolean;
}

/** Where the pictures came from on which the threshold was calibrated. */
export interface Calibration {
  /** "folder": in-distribution pictures of their own; "left-over": those that the few-shot draw left; "shots": the training pictures, for want of others. */
  readonly origin: "folder" | "left-over" | "shots";
  /** How many there were. */
  readonly pictures: number;
  /** Share of them at or above the threshold; 0.95 by convention. */
  readonly tpr: number;
}

/** What a detector is made of. */
export interface DetectorOptions {
  readonly classNames: readonly string[];
  /** Class features [C,E], as the text tower gives them. */
  readonly classFeatures: Floats;
  /** What cosines are multiplied by for the confidence: a `Clip`'s `logitScale`. */
  readonly logitScale: number;
  readonly score: DetectorScore;
  /** A picture is in-distribution if its score is at least this; `thresholdAtTpr` of `@locoop/ood-metrics` finds it. */
  readonly threshold: number;
  readonly calibration: Calibration;
}

/** What a detector says about one picture. */
export interface Detection {
  readonly label: number;
  readonly className: string;
  /** Softmax probability of the class among the known ones, 0 to 1. */
  readonly confidence: number;
  /** Higher = more in-distribution. */
  readonly score: number;
  /** Whether the score reaches the threshold: a picture of the known classes, or "none of these". */
  readonly isId: boolean;
}

/** A detector: the classes, the threshold and where it comes from, and the verdict on pictures. */
export interface Detector {
  readonly classNames: readonly string[];
  readonly score: string;
  readonly threshold: number;
  readonly calibration: Calibration;
  /** Verdicts for B pictures, from their features: global [B,E] and, if the score reads regions, local [B,P,E]. */
  detect(features: ImageFeatures): Detection[];
}

/**
 * Makes an out-of-distribution detector of class features, a score and a threshold calibrated at 95 % TPR.
 *
 * Plain arrays, no tensor: nothing to dispose of. The confidence is a softmax over the known classes alone, so it can be high on
 * a picture of none of them; `isId` is the answer to that.
 *
 * @throws if names and features differ in number, or the threshold is not a number
 * @example
 * ```ts
 * import { createDetector } from "locoop";
 * import { mcm } from "@locoop/ood-metrics";
 *
 * const detector = createDetector({
 *   classNames: ["cat", "dog"],
 *   classFeatures: { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] },
 *   logitScale: 100,
 *   score: mcm,
 *   threshold: 0.6,
 *   calibration: { origin: "folder", pictures: 200, tpr: 0.95 },
 * });
 * const [first] = detector.detect({ global: { data: Float32Array.of(2, 0.1), shape: [1, 2] } });
 * console.log(first?.className, first?.isId); // cat true
 * ```
 */
export function createDetector({
  classNames,
  classFeatures,
  logitScale,
  score,
  threshold,
  calibration,
}: DetectorOptions): Detector {
  if (classFeatures.shape.length !== 2 || classFeatures.shape[0] !== classNames.length)
    throw new RangeError(
      `createDetector: expected class features [${classNames.length},E] for ${classNames.length} names, got [${classFeatures.shape.join(",")}]`,
    );
  if (Number.isNaN(threshold))
    throw new RangeError(
      "createDetector: the threshold must be a number, got NaN; calibrate it on in-distribution pictures",
    );
  return {
    classNames,
    score: score.name,
    threshold,
    calibration,
    detect(features) {
      const matches = cosines(score.local ? features : { global: features.global }, classFeatures);
      const C = matches.classes;
      return Array.from(score(matches), (value, i) => {
        const row = matches.global.subarray(i * C, (i + 1) * C);
        const { label, confidence } = mostSimilar(row, logitScale);
        return { label, className: classNames[label]!, confidence, score: value, isId: value >= threshold };
      });
    },
  };
}

/** The most similar class of a row of cosines [C] and its softmax probability at a scale. */
export function mostSimilar(row: ArrayLike<number>, logitScale: number): { label: number; confidence: number } {
  let label = 0;
  for (let c = 1; c < row.length; c++) if (row[c]! > row[label]!) label = c;
  let sum = 0;
  for (let c = 0; c < row.length; c++) sum += Math.exp(logitScale * (row[c]! - row[label]!));
  return { label, confidence: 1 / sum };
}

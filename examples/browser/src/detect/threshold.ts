import { thresholdAtTpr } from "@locoop/ood-metrics";
import type { TrainedPrompt } from "../app.js";
import type { Verdict } from "../messages.js";
import type { DetectSettings } from "./settings.js";

/** From where on a picture counts as one of the classes, and why. */
export interface Threshold {
  readonly value?: number;
  readonly note: string;
}

/** The threshold in force: the typed one, what 95 % of the known pictures reach, or the training's. */
export function thresholdFor(
  { threshold, score, prompt }: DetectSettings,
  { trained, known }: { trained?: TrainedPrompt; known: readonly Verdict[] },
): Threshold {
  if (threshold.trim() !== "") {
    const value = Number(threshold.replace(",", "."));
    return Number.isFinite(value)
      ? { value, note: "Typed by hand." }
      : { note: `“${threshold}” is not a number: type one, or clear the field to calibrate.` };
  }
  if (known.length > 0) {
    const value = thresholdAtTpr(
      known.map((verdict) => verdict[score]),
      { tpr: 0.95 },
    );
    const few = known.length < 20 ? " With so few it is rough." : "";
    return { value, note: `95 % of ${known.length} known pictures reach it.${few}` };
  }
  if (prompt === "trained" && trained?.thresholds) return { value: trained.thresholds[score], note: trained.note };
  return { note: "Not known yet: add pictures of your classes here, train, or type one." };
}

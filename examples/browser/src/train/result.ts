import type { TrainedPrompt } from "../app.js";
import type { OpenedPrompt, Trained } from "../messages.js";

/** What a threshold stands on, in a sentence. */
function noteOf(calibrated: number, origin: Trained["origin"]): string {
  return origin === "left-over"
    ? `95 % of ${calibrated} held-out pictures reach it.${calibrated < 20 ? " With so few it is rough." : ""}`
    : "Calibrated on the training pictures themselves, for want of others: it is optimistic, and fewer than 95 % of new pictures will reach it. Add pictures, or known pictures in Detect.";
}

/** A training's result as the page keeps it. */
export function promptOfTraining(trained: Trained, classNames: readonly string[]): TrainedPrompt {
  return {
    name: `Trained here on ${trained.trained} pictures of ${classNames.length} classes.`,
    classNames,
    prompt: trained.prompt,
    thresholds: trained.thresholds,
    note: noteOf(trained.calibrated, trained.origin),
  };
}

/** A file's prompt as the page keeps it. */
export function promptOfFile(bytes: Uint8Array, opened: OpenedPrompt): TrainedPrompt {
  const { words, classNames, thresholds, calibrated = 0, origin = "shots" } = opened;
  return {
    name: `${words}.`,
    classNames,
    prompt: bytes,
    thresholds,
    note: thresholds ? noteOf(calibrated, origin) : "",
  };
}

/** Gives the browser a file to save. */
export function download(bytes: Uint8Array | string, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes as BlobPart]));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

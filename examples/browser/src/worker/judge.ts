import { bytesSource, cosines, type Clip, type Floats, type ImageFeatures } from "@locoop/clip";
import { glmcm, mcm } from "@locoop/ood-metrics";
import {
  coop,
  encodeClasses,
  learnerContext,
  readPublishedCheckpoint,
  restore,
  template,
  type Learner,
} from "@locoop/prompt-learning";
import { createDetector, defaultTopK, idIrrelevantRegions } from "locoop";
import type { Prompt, Verdict } from "../messages.js";

/** Class features [C,E] of a prompt. */
export async function classFeaturesOf(clip: Clip, classNames: readonly string[], prompt: Prompt): Promise<Floats> {
  const learner = await learnerOf(clip, classNames, prompt);
  try {
    return await encodeClasses(learner, clip.text);
  } finally {
    learner.dispose();
  }
}

async function learnerOf(clip: Clip, classNames: readonly string[], prompt: Prompt): Promise<Learner> {
  if (prompt.kind === "template")
    return template.create(learnerContext(clip, { classNames }), { template: prompt.text });
  const { checkpoint, position, contexts, classSpecific } = await readPublishedCheckpoint(
    bytesSource(prompt.bytes, { name: "the prompt" }),
  );
  const width = contexts.shape.at(-1);
  if (width !== clip.config.text.width)
    throw new Error(
      `the prompt was trained for a text tower of width ${width}, the open model's is ${clip.config.text.width}; open the model that it was trained with`,
    );
  if (classSpecific && contexts.shape[0] !== classNames.length)
    throw new Error(
      `the prompt has contexts of its own for ${contexts.shape[0]} classes, but there are ${classNames.length} names; give the names of its training, in its order`,
    );
  const options = { ...checkpoint.options, position: position ?? ("end" as const) };
  const learner = coop.create(learnerContext(clip, { classNames }), options);
  try {
    restore(learner, { ...checkpoint, options });
    return learner;
  } catch (error) {
    learner.dispose();
    throw error;
  }
}

/** Verdicts on pictures by class features; both scores, and what the regions are like. */
export function judge(
  clip: Clip,
  features: ImageFeatures,
  { ids, classNames, classFeatures }: { ids: readonly string[]; classNames: readonly string[]; classFeatures: Floats },
): Verdict[] {
  const C = classNames.length;
  const { global, local } = cosines(features, classFeatures);
  const detections = [mcm, glmcm].map((score) =>
    createDetector({
      classNames,
      classFeatures,
      logitScale: clip.logitScale,
      score,
      threshold: 0, // the page compares with its own
      calibration: { origin: "folder", pictures: 0, tpr: 0.95 },
    }).detect(features),
  );
  const P = local!.length / C / ids.length;
  return ids.map((id, i) => {
    const { label, confidence, score } = detections[0]![i]!;
    const rows = Float32Array.from(local!.subarray(i * P * C, (i + 1) * P * C));
    return {
      id,
      label,
      confidence,
      mcm: score,
      glmcm: detections[1]![i]!.score,
      cosines: Float32Array.from(global.subarray(i * C, (i + 1) * C)),
      local: rows,
      irrelevant: idIrrelevantRegions({ local: rows, classes: C, label, topK: defaultTopK(C) }),
    };
  });
}

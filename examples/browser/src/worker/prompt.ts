import { bytesSource, readSafetensors, type Clip } from "@locoop/clip";
import { readPublishedCheckpoint } from "@locoop/prompt-learning";
import type { OpenedPrompt, Trained } from "../messages.js";

/** Reads a prompt's file and checks that it fits the open model: this page's or the command line's, or LoCoOp's or CoOp's own. */
export async function readPrompt(
  clip: Clip,
  { bytes, name }: { bytes: Uint8Array; name: string },
): Promise<OpenedPrompt> {
  const { contexts, classSpecific, position, format } = await readPublishedCheckpoint(bytesSource(bytes, { name }));
  const width = contexts.shape.at(-1);
  if (width !== clip.config.text.width)
    throw new Error(
      `${name}: its contexts have the width ${width}, the open model's text tower ${clip.config.text.width}; open the model that it was trained with`,
    );
  const count = contexts.shape.at(-2);
  const own = classSpecific ? ` for each of ${contexts.shape[0]} classes` : "";
  const words = `${name}: ${count} contexts${own}, class name at the ${position ?? "end"}`;
  const metadata = format === "safetensors" ? readSafetensors(bytes).metadata : {};
  return { words, ...parseOwn(metadata) };
}

/** What the page wrote beside the contexts; whatever is not as it writes it is left out. */
function parseOwn(metadata: Readonly<Record<string, string>>): Omit<OpenedPrompt, "words"> {
  const parse = (text: string | undefined): unknown => {
    try {
      return JSON.parse(text ?? "null");
    } catch {
      return null;
    }
  };
  const names = parse(metadata["classNames"]);
  const classNames = Array.isArray(names) ? names.filter((name): name is string => typeof name === "string") : [];
  const found = parse(metadata["thresholds"]) as {
    mcm?: unknown;
    glmcm?: unknown;
    pictures?: unknown;
    origin?: unknown;
  } | null;
  if (typeof found?.mcm !== "number" || typeof found.glmcm !== "number" || typeof found.pictures !== "number")
    return { classNames };
  const origin: Trained["origin"] = found.origin === "left-over" ? "left-over" : "shots";
  return { classNames, thresholds: { mcm: found.mcm, glmcm: found.glmcm }, calibrated: found.pictures, origin };
}

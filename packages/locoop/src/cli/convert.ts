import type { CoopPosition } from "@locoop/prompt-learning";
import { convertFile } from "../node/convert.js";
import { notice, print, printJson } from "./output.js";

interface ConvertFlags {
  half?: boolean;
  force?: boolean;
  position?: CoopPosition;
  json?: boolean;
}

/** `locoop convert`. */
export async function convert(input: string, output: string, flags: ConvertFlags, signal: AbortSignal): Promise<void> {
  const { half, force, position } = flags;
  const converted = await convertFile({ input, output, half, force, position, signal });
  for (const line of converted.notices) notice(`notice: ${line}`);
  if (flags.json) {
    printJson(converted);
    return;
  }
  const { kind, source, bytes, tensors } = converted;
  const what =
    kind === "prompt" ? "learned prompt, tensor ctx" : `CLIP weights, ${tensors} tensors under OpenAI's names`;
  print(`${output}: ${what}, ${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB, from ${source}`);
}

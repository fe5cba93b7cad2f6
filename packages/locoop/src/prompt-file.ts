import { type Floats, writeSafetensors } from "@locoop/clip";
import { type Learner, variableName } from "@locoop/prompt-learning";

/**
 * A learner's variables as the safetensors file that a run holds (`prompt.safetensors`) and that `--checkpoint` and
 * `readPublishedCheckpoint` take; `metadata` goes into the file beside the learner's name and options.
 *
 * @example
 * ```ts
 * import { readSafetensors } from "@locoop/clip";
 * import { coop } from "@locoop/prompt-learning";
 * import { toyContext } from "@locoop/prompt-learning/toy";
 * import { promptBytes } from "locoop";
 *
 * const learner = coop.create(toyContext({ classNames: ["hen", "tench"] }), { contexts: 4 });
 * const bytes = await promptBytes(learner);
 * console.log(readSafetensors(bytes).tensors.get("contexts")?.shape); // → 4,8
 * learner.dispose();
 * ```
 */
export async function promptBytes(
  learner: Learner,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const variables: Record<string, Floats> = {};
  for (const variable of learner.variables)
    variables[variableName(variable)] = { data: (await variable.data()) as Float32Array, shape: variable.shape };
  return writeSafetensors(variables, {
    ...metadata,
    learner: learner.name,
    options: JSON.stringify(learner.options),
  });
}

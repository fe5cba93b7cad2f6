import type { Clip } from "@locoop/clip";
import { type EngineOptions, type ResolvedEngine, resolveEngine } from "../node/engine.js";
import { checkMemory } from "../node/memory.js";
import { type ModelSpec, openModel } from "../node/model.js";
import { notice } from "./output.js";

/** Decides the engine by the options of the command line, and says which it is. */
export async function chooseEngine({ engine, device, backend, threads }: EngineOptions): Promise<ResolvedEngine> {
  const resolved = await resolveEngine({ engine, device, backend, threads });
  for (const line of resolved.notices) notice(line);
  return resolved;
}

/** Opens the model in this thread; what there is to say of it is said once, and before the work. */
export async function loadModel(model: ModelSpec): Promise<Clip> {
  const warning = await checkMemory(model);
  if (warning !== undefined) notice(warning);
  const clip = await openModel(model);
  for (const line of clip.notices) notice(`notice: ${line}`);
  return clip;
}

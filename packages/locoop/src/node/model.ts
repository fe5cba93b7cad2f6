import type { Clip } from "@locoop/clip";
import { loadClip } from "@locoop/clip/node";
import type { EngineChoice } from "./engine.js";
import { openEngine } from "./engine.js";
import { ensureFile } from "./files.js";
import { checkMemory } from "./memory.js";

/** Which CLIP on which engine. Plain data: it travels to workers. */
export interface ModelSpec {
  /** Path of the weights: a safetensors file with OpenAI, open_clip or Hugging Face names. */
  readonly weights: string;
  /** `resolveEngine()` chooses one. */
  readonly engine: EngineChoice;
  /** Overrides the activation that names and config imply. */
  readonly activation?: "quick_gelu" | "gelu";
  /** What pictures must be shifted by: a model that says otherwise is refused. */
  readonly mean?: readonly [number, number, number];
  /** What pictures must be scaled by: a model that says otherwise is refused. */
  readonly std?: readonly [number, number, number];
}

let open: { key: string; clip: Promise<Clip> } | undefined;

/**
 * Opens a model in this thread, or returns the one that is open already; another one is closed first. Starts the engine.
 *
 * @throws if the file is not there, holds no CLIP or one of another mean or standard deviation, needs more memory than there is, or
 * the engine does not start
 * @example
 * ```ts
 * import { tinyClipPaths } from "@locoop/tiny-clip";
 * import { closeModel, openModel, resolveEngine } from "locoop/node";
 *
 * const { engine } = await resolveEngine();
 * const clip = await openModel({ weights: tinyClipPaths().weights, engine });
 * console.log(clip.config.imageSize); // → 64
 * await closeModel();
 * ```
 */
export async function openModel(spec: ModelSpec): Promise<Clip> {
  const key = JSON.stringify([spec.weights, spec.engine, spec.activation, spec.mean, spec.std]);
  if (open?.key === key) return open.clip;
  await closeModel();
  const clip = (async () => {
    const { weights, engine, activation } = spec;
    await ensureFile(weights, "weights");
    await checkMemory(spec);
    const loaded = await loadClip({ path: weights, engine: await openEngine(engine), activation });
    try {
      ensureLogitScale(spec, loaded);
      ensureNormalisation(spec, loaded.config);
    } catch (error) {
      loaded.dispose();
      throw error;
    }
    return loaded;
  })();
  open = { key, clip };
  clip.catch(() => {
    if (open?.key === key) open = undefined;
  });
  return clip;
}

function ensureLogitScale({ weights }: ModelSpec, { logitScale }: Clip): void {
  if (!Number.isFinite(logitScale))
    throw new Error(
      `weights: expected a finite logit_scale, but that of ${weights} makes ${logitScale} of cosines; the file may be damaged`,
    );
}

function ensureNormalisation(spec: ModelSpec, config: Clip["config"]): void {
  for (const [key, name] of [
    ["mean", "mean"],
    ["std", "standard deviation"],
  ] as const) {
    const expected = spec[key];
    if (expected === undefined || expected.every((value, i) => value === config[key][i])) continue;
    throw new Error(
      `weights: expected pictures to be normalised with the ${name} ${expected.join(", ")}, but ${spec.weights} and the files beside it say ${config[key].join(", ")}; use the files of the training`,
    );
  }
}

/**
 * Frees the model that is open in this thread, if there is one.
 *
 * @example
 * ```ts
 * import { closeModel } from "locoop/node";
 *
 * await closeModel();
 * ```
 */
export async function closeModel(): Promise<void> {
  const previous = open;
  open = undefined;
  await previous?.clip.then(
    (clip) => clip.dispose(),
    () => {},
  );
}

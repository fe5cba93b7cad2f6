import type { Clip } from "@locoop/clip";
import { loadClip } from "@locoop/clip/node";
import type { BackendName } from "./engine.js";
import { openEngine } from "./engine.js";
import { ensureFile } from "./files.js";

/** Which CLIP on which backend. Plain data: it travels to workers. */
export interface ModelSpec {
  /** Path of the weights: a safetensors file with OpenAI, open_clip or Hugging Face names. */
  readonly weights: string;
  readonly backend: BackendName;
  /** Overrides the activation that names and config imply. */
  readonly activation?: "quick_gelu" | "gelu";
}

let open: { key: string; clip: Promise<Clip> } | undefined;

/**
 * Opens a model in this thread, or returns the one that is open already; another one is closed first. Starts the backend.
 *
 * @throws if the file is not there, holds no CLIP, or the backend does not start
 * @example
 * ```ts
 * import { tinyClipPaths } from "@locoop/tiny-clip";
 * import { closeModel, openModel } from "locoop/node";
 *
 * const clip = await openModel({ weights: tinyClipPaths().weights, backend: "wasm" });
 * console.log(clip.config.imageSize); // → 64
 * await closeModel();
 * ```
 */
export async function openModel(spec: ModelSpec): Promise<Clip> {
  const key = JSON.stringify([spec.weights, spec.backend, spec.activation]);
  if (open?.key === key) return open.clip;
  await closeModel();
  const clip = (async () => {
    await ensureFile(spec.weights, "weights");
    return loadClip({ path: spec.weights, engine: await openEngine(spec.backend), activation: spec.activation });
  })();
  open = { key, clip };
  clip.catch(() => {
    if (open?.key === key) open = undefined;
  });
  return clip;
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

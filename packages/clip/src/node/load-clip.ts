import type { Clip } from "../clip.js";
import { clipOf, type ClipOptions } from "../read-clip.js";
import { loadWeights } from "./load-weights.js";

/**
 * Loads a CLIP from a file (OpenAI's `.pt`, `torch.save`, safetensors; told by content) or a model's folder, with the tokenizer
 * that its count of token embeddings asks for. The activation is `activation`, else what a configuration beside the weights says, else
 * QuickGELU, with a notice. Throws one line that begins with the path: no such file, another kind of file, damaged, not a CLIP, a text
 * vocabulary that is not CLIP's. The caller disposes of the CLIP.
 *
 * @example
 * ```ts
 * import { loadClip } from "@locoop/clip/node";
 * import { tfjsEngine } from "@locoop/clip/tfjs";
 * import * as tf from "@tensorflow/tfjs";
 *
 * try {
 *   const clip = await loadClip({ path: "models/ViT-B-16.pt", engine: tfjsEngine({ tf }) });
 *   console.log(clip.config.imageSize, clip.notices);
 *   clip.dispose();
 * } catch (error) {
 *   console.log((error as Error).message); // models/ViT-B-16.pt: there is no such file or folder; ...
 * }
 * ```
 */
export async function loadClip({ path, ...options }: ClipOptions & { path: string }): Promise<Clip> {
  return clipOf(await loadWeights(path), { name: path, ...options });
}

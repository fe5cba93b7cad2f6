import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ByteSource } from "../weights/byte-source.js";
import { readModelConfig } from "../weights/model-config.js";
import { asModelFiles, chooseModelFiles, isConfigured, type ModelFiles } from "../weights/model-files.js";
import { nameError } from "../weights/named-error.js";
import { readModelWeights, type LoadedWeights } from "../weights/read-weights.js";
import { openFileSource } from "./file-source.js";

/**
 * Loads a CLIP's weights: from a file (OpenAI's `.pt`, what `torch.save` wrote, safetensors; told by content), from a folder as Hugging Face
 * or open_clip keep models, also in parts with an index, or from such an index; under OpenAI's, open_clip's or Hugging
 * Face's names. Nothing in a file is executed; files of any size are read tensor by tensor. Throws one line that begins with the path: no such
 * file, another kind of file, damaged, not a CLIP, or which weights are missing, misshapen or too many.
 *
 * @example
 * ```ts
 * import { loadWeights } from "@locoop/clip/node";
 *
 * try {
 *   const { weights } = await loadWeights("models/ViT-B-16.pt");
 *   console.log(weights.get("visual.conv1.weight")?.shape);
 * } catch (error) {
 *   console.log((error as Error).message); // models/ViT-B-16.pt: there is no such file or folder; ...
 * }
 * ```
 */
export async function loadWeights(path: string): Promise<LoadedWeights> {
  const opened: Awaited<ReturnType<typeof openFileSource>>[] = [];
  try {
    const { folder, files, configured } = await findFiles(path);
    const open = async (name: string): Promise<ByteSource> => {
      // A path is shown as it was given.
      const shown = name === files.file && basename(path) === name ? path : join(folder, name);
      const source = await openFileSource(shown).catch((error: unknown) => {
        throw files.index !== undefined && isMissing(error)
          ? new Error(`the index names ${name}, which its folder lacks; get all files of the model`)
          : error;
      });
      opened.push(source);
      return source;
    };
    const config = configured ? await readModelConfig((name) => readOptional(join(folder, name))) : { notices: [] };
    return { weights: await readModelWeights(files, open), ...config };
  } catch (error) {
    throw nameError(path, error);
  } finally {
    for (const source of opened) await source.close();
  }
}

/** `configured`: the configuration files in the folder are this model's. */
async function findFiles(path: string): Promise<{ folder: string; files: ModelFiles; configured: boolean }> {
  const found = await stat(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw new Error(
      "there is no such file or folder; expected a file of weights (.pt, .pth, .bin, .safetensors) or a model's folder",
    );
  });
  if (found.isDirectory()) return { folder: path, files: chooseModelFiles(await readdir(path)), configured: true };
  if (!found.isFile())
    throw new Error("is neither a file nor a folder; expected a file of weights or a model's folder");
  const name = basename(path);
  const files = asModelFiles(name);
  const configured = files.index !== undefined || isConfigured(name, await readdir(dirname(path)).catch(() => []));
  return { folder: dirname(path), files, configured };
}

async function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

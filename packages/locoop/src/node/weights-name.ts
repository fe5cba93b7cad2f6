import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { download, findPublishedModel, publishedModels } from "@locoop/clip/node";
import { cacheFolder, openAiFolder } from "./cache-folder.js";
import { exists } from "./files.js";
import { findHubWeights, parseHubModel, pickWeights } from "./hub-model.js";

/**
 * The file that `--weights` means: a path if there is something, else a published model's name (`ViT-B/16`) or a Hugging Face one's
 * (`hf:owner/name`), in the cache of downloads. A folder stands for the weights in it. Loads nothing: what is not there is an error
 * that names the command.
 *
 * @throws one line: no such file, a folder without weights, a model that has not been downloaded or is damaged
 */
export async function resolveWeights(
  text: string,
  { cache = cacheFolder() }: { cache?: string } = {},
): Promise<string> {
  const path = resolve(text);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return path;
  if (found?.isDirectory()) return fileOf(path);
  const hub = parseHubModel(text);
  if (hub) {
    const weights = await findHubWeights(cache, hub);
    if ("path" in weights) return weights.path;
    throw new Error(
      weights.lack === "missing"
        ? `weights: ${text} is not in ${cache}; run: locoop download ${text}`
        : `weights: the download of ${text} is unfinished; run again: locoop download ${text}`,
    );
  }
  const model = findPublishedModel(text);
  if (!model)
    throw new Error(
      `weights: no such file: ${path}; check the path, or name one of ${publishedModels.map(({ name }) => name).join(", ")} or hf:owner/name`,
    );
  const folder = openAiFolder(cache);
  if (!(await exists(join(folder, model.file))))
    throw new Error(`weights: ${model.name} is not in ${cache}; run: locoop download ${model.name}`);
  return (await download({ model: model.name, folder, offline: true })).path;
}

async function fileOf(folder: string): Promise<string> {
  const names = await readdir(folder);
  const named = pickWeights(names);
  if (named !== undefined) return join(folder, named);
  const [only, ...more] = names.filter((name) => name.endsWith(".safetensors"));
  if (only !== undefined && more.length === 0) return join(folder, only);
  throw new Error(
    `weights: expected a file or a folder with model.safetensors or open_clip_model.safetensors, but ${folder} is a folder with ${only === undefined ? "no" : "several"} .safetensors files; give the file`,
  );
}

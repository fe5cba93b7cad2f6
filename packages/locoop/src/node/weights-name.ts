import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { chooseModelFiles, download, findPublishedModel, publishedModels } from "@locoop/clip/node";
import { cacheFolder, openAiFolder } from "./cache-folder.js";
import { exists, sha256OfFile, sha256OfText } from "./files.js";
import { filesOfIndex, findHubWeights, parseHubModel } from "./hub-model.js";

/**
 * The file that `--weights` means: a path if there is something, else a published model's name (`ViT-B/16`) or a Hugging Face one's
 * (`hf:owner/name`), in the cache of downloads. A folder stands for the weights in it. Loads nothing: what is not there is an error
 * that names the command.
 *
 * @throws one line: no such file, a folder without weights, a model that has not been downloaded or is damaged
 * @example
 * ```ts
 * import { resolveWeights } from "locoop/node";
 *
 * try {
 *   console.log(await resolveWeights("ViT-B/16", { cache: "no-models" }));
 * } catch (error) {
 *   console.log((error as Error).message); // weights: ViT-B/16 is not in .../no-models; run: locoop download ViT-B/16
 * }
 * ```
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
  try {
    const { file, index } = chooseModelFiles(await readdir(folder));
    return join(folder, index ?? file);
  } catch (error) {
    throw new Error(`weights: ${folder}: ${(error as Error).message}`, { cause: error });
  }
}

/** SHA-256 of weights, as hexadecimal: of the file; of an index, over the index and all the files that it names. */
export async function sha256OfWeights(path: string): Promise<string> {
  const own = await sha256OfFile(path);
  const names = path.endsWith(".index.json") ? filesOfIndex(await readFile(path, "utf8")) : undefined;
  if (!names) return own;
  const lines = [`${own}  ${basename(path)}\n`];
  for (const name of names) lines.push(`${await sha256OfFile(join(dirname(path), name))}  ${name}\n`);
  return sha256OfText(lines.join(""));
}

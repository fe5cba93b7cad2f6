import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findModelFile } from "@locoop/clip/node";
import { UsageError } from "./errors.js";

/** A model on Hugging Face, as `hf:owner/name` or `hf:owner/name@revision` names it. */
export interface HubModel {
  /** As it was asked for, for messages and commands. */
  readonly text: string;
  /** `owner/name`. */
  readonly repo: string;
  /** A branch, tag or commit. */
  readonly revision: string;
}

/** Beside a model's files while some of them may be of another revision, or missing. */
export const UNFINISHED = ".unfinished";

/** What a model needs beside its weights, where it has it. */
export const CONFIG_FILES = ["config.json", "open_clip_config.json", "preprocessor_config.json"] as const;

/** Reads `hf:owner/name[@revision]`; undefined for a text without `hf:`. */
export function parseHubModel(text: string): HubModel | undefined {
  if (!text.startsWith("hf:")) return undefined;
  const word = /[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?/.source;
  const found = new RegExp(`^hf:(${word}/${word})(?:@(${word}(?:/${word})*))?$`).exec(text);
  if (!found || text.includes(".."))
    throw new UsageError(
      `"${text}": expected hf:owner/name or hf:owner/name@revision, such as hf:openai/clip-vit-base-patch16`,
    );
  return { text, repo: found[1]!, revision: found[2] ?? "main" };
}

/** Where a model's files are in the cache. */
export function hubFolder(cache: string, { repo, revision }: HubModel): string {
  return join(cache, "huggingface", ...repo.split("/"), encodeURIComponent(revision));
}

/** The files that an index of split weights names, in order; undefined for what is no index, or names files elsewhere. */
export function filesOfIndex(text: string): string[] | undefined {
  let map: unknown;
  try {
    map = (JSON.parse(text) as { weight_map?: unknown } | null)?.weight_map;
  } catch {
    return undefined;
  }
  const names: unknown[] = [...new Set(Object.values(typeof map === "object" && map !== null ? map : {}))];
  const plain = names.filter((name): name is string => typeof name === "string" && /^[\w-][\w.-]*$/.test(name));
  return plain.length === names.length && plain.length > 0 ? plain.toSorted() : undefined;
}

/** The weights of a model in the cache; why they cannot be taken, otherwise. */
export async function findHubWeights(
  cache: string,
  model: HubModel,
): Promise<{ path: string } | { lack: "missing" | "unfinished" }> {
  const folder = hubFolder(cache, model);
  const names = await readdir(folder).catch((): string[] => []);
  if (names.includes(UNFINISHED)) return { lack: "unfinished" };
  const name = findModelFile(names);
  return name === undefined ? { lack: "missing" } : { path: join(folder, name) };
}

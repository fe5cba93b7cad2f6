import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HubApiError, type ListFileEntry, listFiles } from "@huggingface/hub";
import { download, type Downloaded, DownloadError, type DownloadOptions, findModelFile } from "@locoop/clip/node";
import { CONFIG_FILES, filesOfIndex, findHubWeights, hubFolder, type HubModel, UNFINISHED } from "./hub-model.js";
import { ensureWritableFolder } from "./writable-folder.js";

/** How a model is loaded from Hugging Face. */
export interface HubOptions extends Pick<
  DownloadOptions,
  "offline" | "signal" | "onProgress" | "onNotice" | "timeouts" | "retries"
> {
  readonly cache: string;
  /** Of the user; sent to the hub and to nobody else. */
  readonly token?: string;
  readonly hubUrl?: string;
}

const mostFiles = 10_000;
const mostShards = 100;
const largestIndex = 50_000_000;

/**
 * Loads a model's configuration and weights from Hugging Face into the cache; resolves to the file of the weights and all that was
 * loaded. Which files there are, their sizes and checksums is asked of the hub by its own client; the bytes come by `download`.
 */
export async function downloadHubModel(
  model: HubModel,
  { cache, offline, token, hubUrl = "https://huggingface.co", ...options }: HubOptions,
): Promise<{ path: string; files: readonly Downloaded[] }> {
  const folder = hubFolder(cache, model);
  if (offline) {
    const found = await findHubWeights(cache, model);
    if ("path" in found) return { path: found.path, files: [] };
    throw new DownloadError(
      `${model.text}: ${found.lack} in ${folder}, and nothing is loaded offline; fetch ${CONFIG_FILES.join(", ")} (those that there are) and the weights as safetensors from ${pageOf(model, hubUrl)} where there is a network, and put them there`,
    );
  }
  const listed = await list(model, { token, hubUrl, ...options });
  const name = findModelFile([...listed.keys()]);
  if (name === undefined)
    throw new DownloadError(
      `${model.text}: expected model.safetensors, open_clip_model.safetensors or pytorch_model.bin at ${pageOf(model, hubUrl)}, found ${[...listed.keys()].slice(0, 8).join(", ") || "nothing"}`,
    );
  const files: Downloaded[] = [];
  const load = async (file: string): Promise<Downloaded> => {
    const loaded = await loadFile(file, { model, folder, listed, token, hubUrl, options });
    files.push(loaded);
    return loaded;
  };
  await ensureWritableFolder(folder, "cache");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, UNFINISHED), "");
  for (const file of CONFIG_FILES) if (listed.has(file)) await load(file);
  const { path } = await load(name);
  if (name.endsWith(".index.json")) for (const shard of await shardsOf(path, model)) await load(shard);
  await rm(join(folder, UNFINISHED), { force: true });
  return { path, files };
}

const pageOf = ({ repo, revision }: HubModel, hubUrl: string): string =>
  `${hubUrl}/${repo}/tree/${encodeURIComponent(revision)}`;

interface Access {
  readonly token: string | undefined;
  readonly hubUrl: string;
}

/** What the root folder of a model holds. */
async function list(
  model: HubModel,
  { token, hubUrl, signal, timeouts }: Access & Pick<HubOptions, "signal" | "timeouts">,
): Promise<Map<string, ListFileEntry>> {
  const limited: typeof fetch = async (input, init) => {
    const limit = AbortSignal.timeout(timeouts?.connect ?? 30_000);
    // The token is for the hub alone, whatever address a next page has.
    if (new URL(input instanceof Request ? input.url : input).origin !== new URL(hubUrl).origin)
      throw new DownloadError(`${model.text}: the list of files goes on at another server than ${hubUrl}: refused`);
    return fetch(input, { ...init, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  };
  const files = new Map<string, ListFileEntry>();
  try {
    ensureSafe(hubUrl);
    const entries = listFiles({
      repo: { type: "model", name: model.repo },
      revision: encodeURIComponent(model.revision),
      hubUrl,
      fetch: limited,
      ...(token !== undefined && { accessToken: token }),
    });
    for await (const entry of entries) {
      if (entry.type === "file") files.set(entry.path, entry);
      if (files.size >= mostFiles) break;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DownloadError) throw error;
    if (error instanceof HubApiError)
      throw explainAccess(model, { status: error.statusCode, token, hubUrl, cause: error });
    let reason = error as Error & { code?: string };
    while (reason.cause instanceof Error) reason = reason.cause;
    throw new DownloadError(
      `${model.text}: ${hubUrl} gives no list of files; check the network (${[reason.code, reason.message].filter((part) => typeof part === "string").join(": ")})`,
      { cause: error },
    );
  }
  return files;
}

function ensureSafe(hubUrl: string): void {
  const url = URL.canParse(hubUrl) ? new URL(hubUrl) : undefined;
  const here = url?.protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol !== "https:" && !here)
    throw new DownloadError(`HF_ENDPOINT: expected an https address, got "${hubUrl}"`);
}

/** Why the hub does not give a model, and what to do. */
function explainAccess(
  model: HubModel,
  { status, token, hubUrl, cause }: Access & { status: number; cause: unknown },
): DownloadError {
  const page = `${hubUrl}/${model.repo}`;
  const why =
    status === 404
      ? `there is no such model, or not at revision ${model.revision}; check the name at ${page}`
      : status === 401 || status === 403
        ? token === undefined
          ? `there is no such model, or it is private or gated; check the name, accept its conditions at ${page}, and set HF_TOKEN to a token that may read it`
          : `the token of HF_TOKEN may not read it; accept its conditions at ${page}, or take another token`
        : `${hubUrl} answers ${status}; try again later`;
  return new DownloadError(`${model.text}: ${why} (${status})`, { status, cause });
}

async function loadFile(
  file: string,
  {
    model,
    folder,
    listed,
    token,
    hubUrl,
    options,
  }: Access & {
    model: HubModel;
    folder: string;
    listed: ReadonlyMap<string, ListFileEntry>;
    options: Omit<HubOptions, "cache" | "token" | "hubUrl" | "offline">;
  },
): Promise<Downloaded> {
  const entry = listed.get(file);
  if (!entry)
    throw new DownloadError(`${model.text}: its index names ${file}, which ${pageOf(model, hubUrl)} does not have`);
  const { lfs, oid, size } = entry;
  try {
    return await download({
      ...options,
      // Each attempt asks the hub anew: what it redirects to is signed and expires.
      url: `${hubUrl}/${model.repo}/resolve/${encodeURIComponent(model.revision)}/${encodeURIComponent(file)}`,
      folder,
      name: file,
      size: lfs?.size ?? size,
      ...(lfs ? { sha256: lfs.oid } : { gitObject: oid }),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
  } catch (error) {
    const status = error instanceof DownloadError ? error.status : undefined;
    if (status === 401 || status === 403 || status === 404)
      throw explainAccess(model, { status, token, hubUrl, cause: error });
    throw error;
  }
}

/** The safetensors files that an index of split weights names. */
async function shardsOf(path: string, model: HubModel): Promise<string[]> {
  const { size } = await stat(path);
  const names = size > largestIndex ? undefined : filesOfIndex(await readFile(path, "utf8"));
  if (!names || names.length > mostShards || !names.every((name) => name.endsWith(".safetensors")))
    throw new DownloadError(
      `${model.text}: ${path} should name 1 to ${mostShards} .safetensors files beside it; none of them was loaded`,
    );
  return names;
}

import { basename } from "node:path";
import { download, type DownloadProgress, findPublishedModel, publishedModels } from "@locoop/clip/node";
import { cacheFolder, isOffline, openAiFolder } from "../node/cache-folder.js";
import { UsageError } from "../node/errors.js";
import { parseHubModel } from "../node/hub-model.js";
import { alignColumns } from "../report/columns.js";
import { notice, print, printBlock, printJson, terminalWidth } from "./output.js";
import { createProgress, type Progress } from "./progress.js";

interface DownloadFlags {
  cache?: string;
  offline?: boolean;
  list?: boolean;
  json?: boolean;
}

/** `locoop download`. */
export async function downloadCommand(
  name: string | undefined,
  flags: DownloadFlags,
  signal: AbortSignal,
): Promise<void> {
  if (flags.list) {
    if (name !== undefined)
      throw new UsageError(`--list names the models, and loads none; leave out ${name}, or --list`);
    return listModels(flags);
  }
  if (name === undefined) throw new UsageError("give the name of a model, such as ViT-B/16; --list names them");
  const cache = cacheFolder(flags);
  const progress = createDownloadProgress();
  const options = {
    offline: isOffline(flags),
    signal,
    onNotice: (line: string): void => {
      progress.end();
      notice(`notice: ${line}`);
    },
    onProgress: progress.show,
  };
  try {
    const loaded = await load(name, { cache, options });
    progress.end();
    if (flags.json) printJson({ name, ...loaded });
    else print(loaded.path);
  } finally {
    progress.end();
  }
}

type LoadOptions = NonNullable<Pick<Parameters<typeof download>[0], "offline" | "signal" | "onNotice" | "onProgress">>;

async function load(name: string, { cache, options }: { cache: string; options: LoadOptions }) {
  const hub = parseHubModel(name);
  if (hub) {
    const { HF_TOKEN: token, HF_ENDPOINT: endpoint } = process.env;
    const { downloadHubModel } = await import("../node/hugging-face.js");
    return downloadHubModel(hub, {
      ...options,
      cache,
      token: token || undefined,
      hubUrl: endpoint?.replace(/\/+$/, "") || undefined,
    });
  }
  const model = findPublishedModel(name);
  if (!model)
    throw new UsageError(
      `${name}: no such model; expected one of ${publishedModels.map(({ name }) => name).join(", ")}, or hf:owner/name`,
    );
  return download({ ...options, model: model.name, folder: openAiFolder(cache) });
}

function listModels({ json }: DownloadFlags): void {
  if (json) return printJson(publishedModels.map(({ name, url, sha256 }) => ({ name, url, sha256 })));
  const rows = publishedModels.map(({ name, url, sha256 }) => [name, url, sha256]);
  printBlock(alignColumns(["name", "address", "SHA-256"], rows, { left: 3, columns: terminalWidth() }).join("\n"));
  print();
  print("hf:owner/name[@revision]  a model of huggingface.co, such as hf:openai/clip-vit-base-patch16");
}

/** A line for each file and stage, in megabytes. */
function createDownloadProgress(): { show(progress: DownloadProgress): void; end(): void } {
  let shown: { key: string; line: Progress } | undefined;
  const mb = (bytes: number): number => Math.ceil(bytes / 1e6);
  return {
    show({ stage, file, done, total }) {
      if (total !== undefined && total < 1e6) return;
      const key = `${stage === "verify" ? "check" : "download"} ${basename(file)}`;
      if (shown?.key !== key) {
        shown?.line.end();
        shown = { key, line: createProgress({ label: key, unit: "MB", from: mb(done) }) };
      }
      shown.line.update(mb(done), total === undefined ? undefined : mb(total));
    },
    end() {
      shown?.line.end();
      shown = undefined;
    },
  };
}

import { blobSource, bytesSource, readClip, regionGrid, type Clip } from "@locoop/clip";
import embedded from "../../../../packages/tiny-clip/assets/tiny-clip.safetensors?url";
import type { ModelChoice, ModelInfo } from "../messages.js";
import { startEngine } from "./engines.js";

/** A model that is open, and what the page is told of it. */
export interface OpenModel {
  readonly clip: Clip;
  readonly info: ModelInfo;
}

// What the embedded model was trained with.
const tinyClipTemplate = "a picture of a {}.";

type Tell = (progress: { done: number; total: number }) => void;

/** Opens a model: the embedded one, files from disk (read by range), or what an address gives. */
export async function openModel({ device, files, url }: ModelChoice, { tell }: { tell: Tell }): Promise<OpenModel> {
  const own = files?.length || url;
  const { engine, device: used, words } = await startEngine(device, { large: Boolean(own) });
  const sources = files?.length
    ? files.map((file) => blobSource(file))
    : bytesSource(await fetchBytes(url || embedded, tell), { name: nameOf(url || embedded) });
  const clip = await readClip({ files: sources, engine, ...(own ? {} : { activation: "quick_gelu" }) });
  return {
    clip,
    info: {
      name: files?.length
        ? files.map(({ name }) => name).join(", ")
        : url
          ? nameOf(url)
          : "the small model of this page",
      engine: words,
      device: used,
      imageSize: clip.config.imageSize,
      grid: regionGrid(clip.config),
      template: own ? "a photo of a {}." : tinyClipTemplate,
      notices: clip.notices,
    },
  };
}

const nameOf = (address: string): string =>
  decodeURIComponent(new URL(address, location.href).pathname.split("/").at(-1)!);

async function fetchBytes(address: string, tell: Tell): Promise<Uint8Array> {
  const response = await fetch(address).catch(() => undefined);
  if (!response)
    throw new Error(
      `${nameOf(address)} cannot be fetched: the address does not answer, or its server does not let other pages read it; download the file and open it from disk`,
    );
  if (!response.ok)
    throw new Error(
      `${nameOf(address)}: the server answers ${response.status} ${response.statusText}; check the address`,
    );
  const total = Number(response.headers.get("content-length") ?? 0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  const reader = response.body!.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    done += part.value.length;
    tell({ done, total });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

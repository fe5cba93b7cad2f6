import { basename, join, resolve } from "node:path";
import { DownloadError } from "./download-error.js";
import { readUrl } from "./download-request.js";
import type { Checksum } from "./file-check.js";
import { findPublishedModel, publishedModels } from "./published-models.js";

/** How far a download is, in bytes; `total` if it is known. "verify" reads the whole file once more. */
export interface DownloadProgress {
  readonly stage: "download" | "verify";
  readonly file: string;
  readonly done: number;
  readonly total?: number;
}

/** Waiting times in milliseconds, each with a default. */
export interface DownloadTimeouts {
  /** Until the server answers: 30,000. */
  readonly connect?: number;
  /** Between two pieces of the file: 60,000. */
  readonly idle?: number;
  /** Before the first new attempt, doubled with each: 500. */
  readonly retry?: number;
  /** Between two looks at a lock that another process holds: 500. */
  readonly lockPoll?: number;
  /** After which a lock without a sign of life is taken over: 60,000. */
  readonly lockStale?: number;
}

/** What `download` is asked for. */
export interface DownloadOptions {
  /** A published model's name, such as `ViT-B/16`; or `url`. */
  readonly model?: string;
  /** An https address; or `model`. */
  readonly url?: string;
  /** Where the file goes; it is made if it is not there. */
  readonly folder: string;
  /** The file's name in the folder (default: the last part of the address). */
  readonly name?: string;
  /** SHA-256 of the whole file, as hexadecimal; a published model brings its own. */
  readonly sha256?: string;
  /** Instead of `sha256`: what git calls the file, as the listing of a Hugging Face repository says of small files. */
  readonly gitObject?: string;
  /** Bytes of the file, if they are known. */
  readonly size?: number;
  /** No more bytes than this are taken. */
  readonly maxSize?: number;
  /** Sent with each request; `authorization` goes to the first server only. */
  readonly headers?: Record<string, string>;
  /** Ask no server: take what is there, or say what is missing. */
  readonly offline?: boolean;
  /** How many attempts without progress may follow each other after the first. */
  readonly retries?: number;
  readonly timeouts?: DownloadTimeouts;
  readonly signal?: AbortSignal;
  /** How far the download is, a few times a second. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** What is worth telling: a connection that was cut, another process that is waited for. */
  readonly onNotice?: (line: string) => void;
  /** Asks the server; default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
}

/** A download with everything resolved. */
export interface Job extends Required<
  Pick<
    DownloadOptions,
    "maxSize" | "offline" | "retries" | "timeouts" | "headers" | "fetch" | "onNotice" | "onProgress"
  >
> {
  readonly url: URL;
  readonly name: string;
  readonly folder: string;
  readonly path: string;
  readonly checksum?: Checksum;
  readonly size?: number;
  readonly signal?: AbortSignal;
}

/** Checks what was asked for, and fills in the defaults. */
export function describeJob({
  maxSize = 16 * 2 ** 30,
  offline = false,
  retries = 5,
  timeouts = {},
  headers = {},
  fetch = globalThis.fetch,
  onNotice = () => {},
  onProgress = () => {},
  ...asked
}: DownloadOptions): Job {
  const model = asked.model === undefined ? undefined : findPublishedModel(asked.model);
  if ((asked.model === undefined) === (asked.url === undefined))
    throw new DownloadError("download: expected either a model or a url");
  if (asked.model !== undefined && !model)
    throw new DownloadError(
      `${asked.model}: no such model; expected one of ${publishedModels.map(({ name }) => name).join(", ")}`,
    );
  const address = model?.url ?? asked.url ?? "";
  const name = asked.name ?? model?.file ?? lastPart(address);
  // What no system takes as a name, or takes as something else.
  if (name === "" || name.startsWith(".") || basename(name) !== name || /[\\/:*?"<>|\u0000-\u001f]/.test(name))
    throw new DownloadError(`download: expected a file name, got ${JSON.stringify(name)}`);
  const checksum = readChecksum(asked.sha256 ?? model?.sha256, asked.gitObject, name);
  const folder = resolve(asked.folder);
  const { size, signal } = asked;
  const common = { maxSize, offline, retries, timeouts, headers, fetch, onNotice, onProgress };
  return { ...common, url: readUrl(address, name), name, folder, path: join(folder, name), checksum, size, signal };
}

function lastPart(address: string): string {
  return URL.canParse(address) ? (new URL(address).pathname.split("/").at(-1) ?? "") : "download";
}

function readChecksum(sha256: string | undefined, gitObject: string | undefined, name: string): Checksum | undefined {
  const value = (sha256 ?? gitObject)?.toLowerCase();
  if (value === undefined) return undefined;
  const digits = sha256 === undefined ? 40 : 64;
  if (value.length !== digits || !/^[0-9a-f]+$/.test(value))
    throw new DownloadError(
      `${name}: expected a ${sha256 === undefined ? "git object" : "SHA-256"} of ${digits} hexadecimal digits, got "${value}"`,
    );
  return { kind: sha256 === undefined ? "git" : "sha256", value };
}

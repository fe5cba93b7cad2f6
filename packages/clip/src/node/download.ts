import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { DownloadError, explainDisk } from "./download-error.js";
import { describeJob, type DownloadOptions, type Job } from "./download-job.js";
import { withLock } from "./download-lock.js";
import { showUrl } from "./download-request.js";
import { transfer } from "./download-transfer.js";
import { checkFile, describeChecksum, hashFile, rememberChecked } from "./file-check.js";
import { makeFolder } from "./make-folder.js";
import { openPart, type PartFile } from "./part-file.js";

/** A file that is there and was checked, as far as there was something to check it by. */
export interface Downloaded {
  readonly path: string;
  readonly size: number;
  /** Of the file's bytes, where it was compared. */
  readonly sha256?: string;
  /** False if the file was there already. */
  readonly loaded: boolean;
}

const worthKeeping = 2 ** 20; // an attempt that brings so many new bytes is progress

/**
 * Loads a file into a folder, whole and checked, or not at all: under its name is never anything else. What has arrived before a
 * cut, a stall or an abort stays in `<name>.part` and is gone on with, now or in a later call; a second process waits for the first.
 * The length is compared with what the server says, and the SHA-256 of the whole file on disk before it gets its name; a file that
 * is there already is checked the same way, and not loaded again. Redirects are followed to https only.
 *
 * @throws a `DownloadError` of one line: refused by the server, another file than expected, no room on the disk, missing offline
 * @example
 * ```ts
 * import { download } from "@locoop/clip/node";
 *
 * try {
 *   const { path } = await download({ model: "ViT-B/16", folder: "no-models", offline: true });
 *   console.log(path);
 * } catch (error) {
 *   console.log((error as Error).message); // ViT-B-16.pt: not in .../no-models, and nothing is loaded offline; fetch https://...
 * }
 * ```
 */
export async function download(options: DownloadOptions): Promise<Downloaded> {
  const job = describeJob(options);
  const present = await findPresent(job);
  if (present) return present;
  if (job.offline) throw missing(job);
  const { lockPoll: poll = 500, lockStale: stale = 60_000 } = job.timeouts;
  try {
    await makeFolder(job.folder);
    const onWait = (owner: string): void => job.onNotice(`${job.name}: ${owner} is loading it; waiting for it`);
    return await withLock(`${job.path}.lock`, { poll, stale, signal: job.signal, onWait }, async () => {
      return (await findPresent(job)) ?? (await load(job));
    });
  } catch (error) {
    job.signal?.throwIfAborted();
    throw explainDisk(error, job.path);
  }
}

/** The file if it is there and right; a wrong one is told of, and refused where no other can be loaded. */
async function findPresent({
  path,
  name,
  checksum,
  size,
  offline,
  signal,
  onNotice,
  onProgress,
}: Job): Promise<Downloaded | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw explainDisk(error, path);
  });
  if (!found) return undefined;
  if (!found.isFile()) throw new DownloadError(`${path}: expected a file or nothing, found a folder; remove it`);
  let wrong = size !== undefined && found.size !== size ? `has ${found.size} bytes, expected ${size}` : undefined;
  if (wrong === undefined && checksum) {
    const checked = await checkFile(path, checksum, {
      signal,
      onProgress: (done, total) => onProgress({ stage: "verify", file: name, done, total }),
    });
    if (checked !== "right") wrong = `has the ${describeChecksum(checked)}, expected ${checksum.value}`;
  }
  if (wrong === undefined)
    return { path, size: found.size, ...(checksum?.kind === "sha256" && { sha256: checksum.value }), loaded: false };
  if (offline)
    throw new DownloadError(`${path}: ${wrong}: it is damaged or another file; remove it, and put the right one there`);
  onNotice(`${path}: ${wrong}: it is damaged or another file, and will be replaced`);
  return undefined;
}

function missing({ url, name, folder, path, checksum }: Job): DownloadError {
  const check = checksum ? ` (${describeChecksum(checksum)})` : "";
  return new DownloadError(
    `${name}: not in ${folder}, and nothing is loaded offline; fetch ${showUrl(url)}${check} where there is a network, and put it at ${path}`,
  );
}

async function load(job: Job): Promise<Downloaded> {
  const { name, path, checksum, signal, onNotice } = job;
  for (let again = false; ; again = true) {
    const part = await openPart(path);
    try {
      const resumed = await fill(part, job);
      const wrong = await findWrong(part, job);
      if (wrong === undefined) {
        signal?.throwIfAborted();
        await part.finish();
        if (checksum) await rememberChecked(path, checksum);
        return { path, size: part.size, ...(checksum?.kind === "sha256" && { sha256: checksum.value }), loaded: true };
      }
      const unsure = part.note?.total === undefined && job.size === undefined;
      await part.discard();
      if (!resumed || again)
        throw new DownloadError(
          `${name}: ${wrong}: removed; ${unsure ? "the server does not say how long it is, so it may have been cut, or " : ""}${job.url.host} has another file, or something on the way changed it`,
        );
      onNotice(`${name}: ${wrong}; it came over several connections, so it starts over`);
    } finally {
      await part.close();
    }
  }
}

/** Loads until the part is whole; whether more than one connection brought it. */
async function fill(part: PartFile, job: Job): Promise<boolean> {
  const { name, checksum, retries, signal, onNotice, onProgress, timeouts } = job;
  const { connect = 30_000, idle = 60_000, retry: pause = 500 } = timeouts;
  let resumed = part.size > 0;
  let most = part.size;
  let failures = 0;
  let begun = false;
  for (;;) {
    try {
      await transfer(part, {
        ...job,
        connect,
        idle,
        begun,
        checksum: checksum && describeChecksum(checksum),
        onBytes: (done, total) => {
          begun = true;
          onProgress({ stage: "download", file: name, done, total });
        },
      });
      return resumed;
    } catch (error) {
      if (!(error instanceof DownloadError) || !error.retry) throw error;
      failures = part.size >= most + worthKeeping ? 1 : failures + 1;
      most = Math.max(most, part.size);
      const kept = part.size > 0 ? `${part.size} bytes are kept` : "nothing was loaded";
      if (failures > retries)
        throw new DownloadError(
          `${error.message}; given up, ${kept}: run it again ${part.size > 0 ? "to go on" : "later"}`,
          {
            status: error.status,
            cause: error,
          },
        );
      onNotice(`${error.message}; ${kept}, attempt ${failures + 1} of ${retries + 1}`);
      resumed ||= part.size > 0;
      await sleep(Math.min(pause * 2 ** (failures - 1), 30_000), undefined, { signal });
    }
  }
}

async function findWrong(
  part: PartFile,
  { checksum, size, name, signal, onProgress }: Job,
): Promise<string | undefined> {
  if (size !== undefined && part.size !== size) return `has ${part.size} bytes, expected ${size}`;
  if (!checksum) return undefined;
  const value = await hashFile(part.path, checksum.kind, {
    signal,
    onProgress: (done, total) => onProgress({ stage: "verify", file: name, done, total }),
  });
  return value === checksum.value
    ? undefined
    : `has the ${describeChecksum({ kind: checksum.kind, value })}, expected ${checksum.value}`;
}

/**
 * Why a download failed, in one line that begins with the file's name. `status` is the server's answer, if that was it.
 *
 * @example
 * ```ts
 * import { download, DownloadError } from "@locoop/clip/node";
 *
 * const error: unknown = await download({ url: "http://example.org/x.pt", folder: "models" }).catch((e: unknown) => e);
 * console.log(error instanceof DownloadError); // → true
 * ```
 */
export class DownloadError extends Error {
  override name = "DownloadError";
  readonly status?: number;
  /** Whether trying again may help. */
  readonly retry: boolean;

  constructor(
    message: string,
    { status, retry = false, cause }: { status?: number; retry?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.status = status;
    this.retry = retry;
  }
}

const diskAdvice: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: make room, or choose another folder, and run it again",
  EDQUOT: "the quota is used up: make room, or choose another folder, and run it again",
  EFBIG: "the file system takes no file of this size: choose another folder",
  EACCES: "no permission to write there: choose another folder",
  EPERM: "no permission to write there: choose another folder",
  EROFS: "the file system is read-only: choose another folder",
  ENOTDIR: "a part of the path is a file: choose another folder",
  EEXIST: "a part of the path is a file: choose another folder",
  ENOENT: "the folder cannot be made or was removed: choose another folder",
  EISDIR: "there is a folder of that name: remove it, or choose another folder",
};

/** What the file system refused, in one line; other errors unchanged. */
export function explainDisk(error: unknown, path: string): unknown {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof DownloadError || code === undefined || syscall === undefined) return error;
  const advice = diskAdvice[code] ?? "choose another folder";
  return new DownloadError(`${path}: cannot be written (${code}): ${advice}`, { cause: error });
}

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { DownloadError, explainDisk } from "./download-error.js";
import { networkFailure, refusal, request, showUrl } from "./download-request.js";
import type { PartFile, PartNote } from "./part-file.js";

/** What one exchange with the server is about. */
export interface TransferOptions {
  readonly url: URL;
  readonly name: string;
  readonly fetch: typeof globalThis.fetch;
  readonly headers: Record<string, string>;
  /** What the whole file must have; part of the note. */
  readonly checksum?: string;
  readonly size?: number;
  readonly maxSize: number;
  /** Milliseconds until the answer begins, and between two pieces of it. */
  readonly connect: number;
  readonly idle: number;
  readonly signal?: AbortSignal;
  readonly onNotice: (line: string) => void;
  readonly onBytes: (done: number, total?: number) => void;
  /** Whether the server has answered before. */
  readonly begun: boolean;
}

/** Loads what is missing of a part, in one exchange. Throws a DownloadError that says whether another one may help. */
export async function transfer(part: PartFile, options: TransferOptions): Promise<void> {
  const { url, name, connect, idle, signal, begun } = options;
  const watch = createWatch(signal);
  let answered = begun;
  try {
    if (part.size > 0 && !belongs(part, options)) await part.begin(noteOf(options));
    // Killed before it was checked: whoever called hashes it.
    if (part.size > 0 && options.checksum !== undefined && part.size === (options.size ?? part.note?.total)) return;
    const headers: Record<string, string> = { ...options.headers, "accept-encoding": "identity" };
    const from = part.size;
    if (from > 0) headers.range = `bytes=${from}-`;
    const validator = from > 0 ? validatorOf(part.note) : undefined;
    if (validator !== undefined) headers["if-range"] = validator;
    watch.arm(connect, `${url.host} did not answer for ${connect / 1000} s`);
    const response = await request(url, { fetch: options.fetch, headers, signal: watch.signal, name });
    watch.disarm();
    answered = true;
    try {
      const total = await accept(response, part, options);
      if (total !== "all") await receive(response, part, { ...options, total, watch, idle });
    } catch (error) {
      await response.body?.cancel().catch(() => {});
      throw error;
    }
  } catch (error) {
    watch.abort(); // a connection whose body is being read is not closed otherwise
    signal?.throwIfAborted();
    if (watch.cut !== undefined) throw new DownloadError(`${name}: ${watch.cut}: cut`, { retry: true, cause: error });
    const explained = explainDisk(error, part.path);
    if (explained instanceof DownloadError) throw explained;
    throw networkFailure(error, { url, name, begun: answered });
  } finally {
    watch.disarm();
  }
}

interface Watch {
  readonly signal: AbortSignal;
  /** Why it cut, if it did. */
  readonly cut: string | undefined;
  arm(ms: number, why: string): void;
  disarm(): void;
  /** Ends the exchange, whatever it is at. */
  abort(): void;
}

/** Aborts what takes too long. */
function createWatch(outer: AbortSignal | undefined): Watch {
  const own = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let cut: string | undefined;
  return {
    signal: outer ? AbortSignal.any([outer, own.signal]) : own.signal,
    get cut() {
      return cut;
    },
    arm(ms, why) {
      clearTimeout(timer);
      timer = setTimeout(() => {
        cut = why;
        own.abort(new Error(why));
      }, ms);
    },
    disarm: () => clearTimeout(timer),
    abort: () => own.abort(),
  };
}

/** Whether a part may be gone on with: of the same bytes by their checksum, else of the same address with something to tell by. */
function belongs({ note, size }: PartFile, { url, checksum, size: wanted }: TransferOptions): boolean {
  if (!note || note.checksum !== checksum) return false;
  if (size > (wanted ?? note.total ?? Infinity)) return false;
  return checksum !== undefined || (note.url === url.href && validatorOf(note) !== undefined);
}

// A weak ETag does not vouch for bytes; servers refuse it here (RFC 9110, 13.1.5).
function validatorOf(note: PartNote | undefined): string | undefined {
  return note?.etag !== undefined && !note.etag.startsWith("W/") ? note.etag : note?.lastModified;
}

function noteOf(
  { url, checksum }: Pick<TransferOptions, "url" | "checksum">,
  response?: Response,
  total?: number,
): PartNote {
  const header = (name: string): string | undefined => response?.headers.get(name) ?? undefined;
  return { url: url.href, checksum, etag: header("etag"), lastModified: header("last-modified"), total };
}

/** Judges an answer's head, and readies the part for its body; the bytes of the whole file if they are known, or "all" are there. */
async function accept(
  response: Response,
  part: PartFile,
  options: TransferOptions,
): Promise<number | undefined | "all"> {
  const { url, name, onNotice } = options;
  const again = async (why: string): Promise<never> => {
    await part.begin(noteOf(options));
    throw new DownloadError(`${name}: ${why}; it starts over`, { retry: true });
  };
  const from = part.size;
  if (response.status === 416 && from > 0) {
    const total = /^bytes \*\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
    // All of it is there already. Without a checksum nothing would tell if it were another file's.
    if (Number(total) === from && options.checksum !== undefined) return "all";
    return again(`${url.host} has no bytes after ${from}`);
  }
  if (response.status !== 200 && response.status !== 206) throw refusal(response, url, name);
  if (response.headers.get("content-type")?.startsWith("text/html") && !name.endsWith(".html"))
    throw new DownloadError(
      `${name}: ${showUrl(url)} sends a web page instead of the file: the network may ask for a login`,
    );
  const encoding = response.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity")
    throw new DownloadError(
      `${name}: ${url.host} sends it compressed (${encoding}), though the plain bytes were asked for: their number cannot be checked`,
    );
  if (response.status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
    const total = range?.[3] === "*" ? part.note?.total : Number(range?.[3]);
    if (from === 0 || !range || Number(range[1]) !== from)
      return again(`${url.host} sends another part than the asked one`);
    const etag = response.headers.get("etag") ?? undefined;
    const changed = part.note?.etag !== undefined && etag !== undefined && part.note.etag !== etag;
    if (changed || (part.note?.total !== undefined && total !== part.note.total))
      return again("the file on the server has changed");
    return checkTotal(total, options);
  }
  const length = response.headers.get("content-length");
  const total = checkTotal(length !== null && /^\d+$/.test(length) ? Number(length) : undefined, options);
  const ends = total !== undefined || options.checksum !== undefined || options.size !== undefined;
  if (!ends && response.headers.get("transfer-encoding") !== "chunked")
    throw new DownloadError(
      `${name}: ${url.host} does not say how long it is, and its SHA-256 is not known: whether it is whole cannot be checked`,
    );
  if (from > 0)
    onNotice(`${name}: it has changed on ${url.host}, or the server cannot go on in the middle; it starts over`);
  await part.begin(noteOf(options, response, total));
  return total;
}

function checkTotal(total: number | undefined, options: TransferOptions): number | undefined {
  const { url, name, size, maxSize } = options;
  if (total !== undefined && size !== undefined && total !== size)
    throw new DownloadError(`${name}: expected ${size} bytes, but ${url.host} has ${total}: it is another file`);
  if (total !== undefined && total > maxSize)
    throw new DownloadError(`${name}: ${url.host} has ${total} bytes, the limit is ${maxSize}: refused`);
  return total ?? size;
}

/** Says before the first byte that the disk is too small. */
export async function checkSpace(path: string, missing: number, name: string): Promise<void> {
  const disk = await statfs(dirname(path)).catch(() => undefined);
  if (!disk || disk.blocks === 0 || disk.bavail * disk.bsize >= missing) return;
  const mb = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new DownloadError(
    `${name}: needs ${mb(missing)}, but ${mb(disk.bavail * disk.bsize)} are free in ${dirname(path)}: make room, or choose another folder`,
  );
}

async function receive(
  response: Response,
  part: PartFile,
  { total, watch, idle, ...options }: TransferOptions & { total: number | undefined; watch: Watch },
): Promise<void> {
  const { url, name, maxSize, onBytes } = options;
  if (total !== undefined) await checkSpace(part.path, total - part.size, name);
  onBytes(part.size, total);
  const reader = response.body?.getReader();
  for (;;) {
    watch.arm(idle, `${url.host} sent nothing for ${idle / 1000} s`);
    const piece = await reader?.read();
    watch.disarm();
    if (!piece || piece.done) break;
    const bytes = piece.value as Uint8Array;
    if (part.size + bytes.length > (total ?? maxSize)) {
      await part.begin(noteOf(options));
      throw new DownloadError(
        `${name}: ${url.host} sends more than ${total === undefined ? `the limit of ${maxSize} bytes` : `the ${total} bytes that were expected`}: refused`,
      );
    }
    await part.append(bytes);
    onBytes(part.size, total);
  }
  if (total !== undefined && part.size < total)
    throw new DownloadError(`${name}: ${url.host} ended after ${part.size} of ${total} bytes`, { retry: true });
}

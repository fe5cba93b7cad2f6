import { DownloadError } from "./download-error.js";

const redirects = new Set([301, 302, 303, 307, 308]);
const mostRedirects = 10;

export interface RequestOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  /** The file's name, for messages. */
  readonly name: string;
}

/** An address without what it may carry of secrets: name and password, the query of a signed link. */
export function showUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** Reads an address; only https is safe to load from, and http on this machine. */
export function readUrl(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && url.username === "" && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url))))
    return url;
  throw new DownloadError(
    `${name}: expected an https address, got ${url ? showUrl(url) : `"${text}"`}: nothing else is loaded`,
  );
}

/** Asks for a file, following redirects by itself: none may leave https, and what authorises stays with the first server. */
export async function request(first: URL, { fetch, headers, signal, name }: RequestOptions): Promise<Response> {
  const sent = new Headers(headers);
  let url = first;
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const response = await fetch(url, { headers: sent, redirect: "manual", signal });
    if (!redirects.has(response.status)) return response;
    await response.body?.cancel().catch(() => {});
    const location = response.headers.get("location");
    const next = location !== null && URL.canParse(location, url) ? new URL(location, url) : undefined;
    if (!next) throw new DownloadError(`${name}: ${showUrl(url)} redirects to no address (${response.status})`);
    if (next.protocol !== "https:" && !(next.protocol === "http:" && isLoopback(next) && isLoopback(first)))
      throw new DownloadError(
        `${name}: ${showUrl(url)} redirects to ${next.protocol}//${next.host}, which is not https: refused`,
      );
    if (next.origin !== url.origin) sent.delete("authorization");
    url = next;
  }
  throw new DownloadError(`${name}: ${showUrl(first)} redirects more than ${mostRedirects} times: refused`);
}

const statusAdvice: Readonly<Record<number, string>> = {
  401: "access needs a login",
  403: "access is denied",
  404: "there is no such file",
  407: "a proxy asks for a login",
  410: "the file was removed",
};

// Passing states of a server.
const passing = new Set([408, 425, 429, 500, 502, 503, 504]);

/** An answer that is no file, as an error. */
export function refusal(response: Response, url: URL, name: string): DownloadError {
  const { status } = response;
  const advice = statusAdvice[status] ?? (passing.has(status) ? "try again later" : "expected a file");
  return new DownloadError(`${name}: ${showUrl(url)} answers ${status}: ${advice}`, {
    status,
    retry: passing.has(status),
  });
}

const lasting = /^(ENOTFOUND|ECONNREFUSED|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_TLS|ERR_SSL|HPE_)/;

/** A failure of the network, as an error: what may pass is worth trying again, what was so from the first moment is not. */
export function networkFailure(
  error: unknown,
  { url, name, begun }: { url: URL; name: string; begun: boolean },
): DownloadError {
  let reason = error as Error & { code?: string };
  while (reason.cause instanceof Error) reason = reason.cause;
  const code = reason.code ?? "";
  const said = [code, reason.message].filter(Boolean).join(": ").replaceAll(/\s+/g, " ") || "unknown reason";
  const retry = !lasting.test(code) || (begun && /^(ENOTFOUND|ECONNREFUSED)$/.test(code));
  if (!retry)
    return new DownloadError(
      `${name}: no connection to ${url.host} (${said}); check the network; without one, the option offline says what to put where`,
      { cause: error },
    );
  const what = begun ? `the connection to ${url.host} was cut` : `no connection to ${url.host}`;
  return new DownloadError(`${name}: ${what} (${said})`, { retry, cause: error });
}

import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DownloadOptions, DownloadProgress } from "./download-job.js";
import { download } from "./download.js";

// A server on this machine that does what servers and networks do, and more: each test says how it answers the n-th request.
type Answer = (req: IncomingMessage, res: ServerResponse, n: number) => void;

const content = randomBytes(300_000);
const sha256 = createHash("sha256").update(content).digest("hex");
const etag = '"one"';
const times = { connect: 10_000, idle: 10_000, retry: 1, lockPoll: 5, lockStale: 10_000 };

let folder: string;
let server: Server;
let answer: Answer;
let requests: IncomingMessage["headers"][];
let base: string;
let notices: string[];
let progress: DownloadProgress[];
// A connection is cut when the client has so many bytes: cut at once, what it has not read yet is thrown away.
let cutAt: { done: number; cut: () => void };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "download-"));
  requests = [];
  notices = [];
  progress = [];
  cutAt = { done: -1, cut: () => {} };
  server = createServer((req, res) => answer(req, res, requests.push(req.headers) - 1));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const get = (more: Partial<DownloadOptions> = {}) =>
  download({
    url: `${base}/w.bin`,
    folder,
    sha256,
    timeouts: times,
    retries: 3,
    onNotice: (line) => notices.push(line),
    onProgress: (p) => {
      progress.push(p);
      if (p.stage === "download" && p.done === cutAt.done) cutAt.cut();
    },
    ...more,
  });
const failure = async (more: Partial<DownloadOptions> = {}): Promise<string> => {
  const error: unknown = await get(more).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).not.toMatch(/\n/);
  return (error as Error).message;
};
const target = () => join(folder, "w.bin");
const names = async () => (await readdir(folder)).filter((name) => !name.startsWith(".")).toSorted();
/** Whether the file is right, with nothing beside it. */
const whole = async () => (await readFile(target())).equals(content) && (await names()).join() === "w.bin";

/** The file or the asked end of it, as a good server sends it. */
const serve = (res: ServerResponse, req: IncomingMessage, { bytes = content, tag = etag } = {}): void => {
  const from = Number(/^bytes=(\d+)-$/.exec(req.headers.range ?? "")?.[1] ?? 0);
  const fresh = from === 0 || (req.headers["if-range"] !== undefined && req.headers["if-range"] !== tag);
  if (!fresh && from >= bytes.length) {
    res.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  const body = fresh ? bytes : bytes.subarray(from);
  res.writeHead(fresh ? 200 : 206, {
    etag: tag,
    "content-length": body.length,
    ...(!fresh && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  res.end(body);
};
/** Sends so many bytes of the answer, then cuts the connection. */
const cutAfter = (res: ServerResponse, bytes: Buffer, head: Record<string, string | number>, status = 200): void => {
  res.writeHead(status, { "content-length": content.length, ...head });
  cutAt = { done: bytes.length, cut: () => res.destroy() };
  res.write(bytes);
};
const good: Answer = (req, res) => serve(res, req);
const firstCut =
  (then: Answer = good, head: Record<string, string> = { etag }): Answer =>
  (req, res, n) =>
    n === 0 ? cutAfter(res, content.subarray(0, 100_000), head) : then(req, res, n);

describe("a good server", () => {
  it("gives the file, with progress, asked for as plain bytes", async () => {
    answer = good;
    expect(await get()).toEqual({ path: target(), size: content.length, sha256, loaded: true });
    expect(await whole()).toBe(true);
    expect(requests).toHaveLength(1);
    expect(requests[0]!["accept-encoding"]).toBe("identity");
    expect(progress.filter(({ stage }) => stage === "download").at(-1)).toEqual({
      stage: "download",
      file: "w.bin",
      done: content.length,
      total: content.length,
    });
    expect(progress.at(-1)).toMatchObject({ stage: "verify", done: content.length, total: content.length });
    expect(notices).toEqual([]);
  });

  it("is not asked again, and the file is hashed again only when it has changed", async () => {
    answer = good;
    await get();
    progress = [];
    expect(await get()).toMatchObject({ loaded: false });
    expect(progress).toEqual([]);
    await utimes(target(), new Date(), new Date(Date.now() + 5000));
    expect(await get()).toMatchObject({ loaded: false });
    expect(progress.at(-1)?.stage).toBe("verify");
    expect(requests).toHaveLength(1);
  });

  it("replaces a damaged file, and says so", async () => {
    answer = good;
    await get();
    const damaged = Buffer.from(content);
    damaged[7]! ^= 1;
    await writeFile(target(), damaged);
    await utimes(target(), new Date(), new Date(Date.now() + 5000));
    expect(await get()).toMatchObject({ loaded: true });
    expect(notices.join()).toMatch(/w\.bin: has the SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}: it is damaged/);
    expect(await whole()).toBe(true);
  });

  it("may serve an empty file, and one that only git has a checksum for", async () => {
    answer = (req, res) => serve(res, req, { bytes: Buffer.alloc(0) });
    expect(await get({ sha256: createHash("sha256").digest("hex"), name: "empty" })).toMatchObject({ size: 0 });
    answer = (_req, res) => res.end("hello\n");
    const gitObject = "ce013625030ba8dba906f756967f9e9ca394464a"; // git hash-object of it
    expect(await get({ sha256: undefined, gitObject, name: "hello" })).toMatchObject({ size: 6, loaded: true });
    expect(await failure({ sha256: undefined, gitObject: gitObject.replace("c", "d"), name: "other" })).toMatch(
      /git object/,
    );
    expect(await names()).toEqual(["empty", "hello"]);
  });
});

describe("a cut connection", () => {
  it("is gone on with where it was cut, by Range and If-Range", async () => {
    answer = firstCut();
    await get();
    expect(await whole()).toBe(true);
    expect(requests[1]).toMatchObject({ range: "bytes=100000-", "if-range": etag });
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/^w\.bin: .*cut.*; 100000 bytes are kept, attempt 2 of 4$/);
  });

  it("goes on by the date of the file where the ETag is weak", async () => {
    const date = "Tue, 05 Jan 2021 10:00:00 GMT";
    answer = firstCut(good, { etag: 'W/"one"', "last-modified": date });
    await get();
    expect(requests[1]!["if-range"]).toBe(date);
    expect(await whole()).toBe(true);
  });

  it("goes on in a later call, and after an abort", async () => {
    answer = (_req, res) => cutAfter(res, content.subarray(0, 100_000), { etag });
    expect(await failure({ retries: 0 })).toMatch(/given up, 100000 bytes are kept: run it again to go on$/);
    expect(await names()).toEqual(["w.bin.part", "w.bin.part.json"]);
    const stop = new AbortController();
    answer = (_req, res) => {
      res.writeHead(206, { etag, "content-range": `bytes 100000-299999/300000`, "content-length": 200_000 });
      res.write(content.subarray(100_000, 150_000));
    };
    const aborted = failure({
      signal: stop.signal,
      onProgress: ({ done }) => done >= 150_000 && stop.abort(new Error("interrupted")),
    });
    expect(await aborted).toBe("interrupted");
    expect(await names()).toEqual(["w.bin.part", "w.bin.part.json"]);
    answer = good;
    await get();
    expect(requests.at(-1)!.range).toBe("bytes=150000-");
    expect(await whole()).toBe(true);
  });

  it("is tried a bounded number of times, more often while it brings something", async () => {
    answer = (_req, res) => res.destroy();
    expect(await failure()).toMatch(
      /^w\.bin: no connection to 127\.0\.0\.1.*given up, nothing was loaded: run it again later$/,
    );
    expect(requests).toHaveLength(4);
    expect(await names()).toEqual([]);
  });

  it("starts over where the server ignores ranges, or the file has changed meanwhile", async () => {
    answer = firstCut((_req, res) => res.writeHead(200, { etag, "content-length": content.length }).end(content));
    await get();
    expect(await whole()).toBe(true);
    expect(notices.at(-1)).toMatch(/starts over$/);
    await rm(target());
    requests = [];
    const old = randomBytes(content.length);
    answer = (req, res, n) => (n === 0 ? cutAfter(res, old.subarray(0, 100_000), { etag: '"old"' }) : serve(res, req));
    await get();
    expect(requests[1]!["if-range"]).toBe('"old"');
    expect(await whole()).toBe(true);
  });

  it("starts over where a server answers If-Range with the end of another file", async () => {
    answer = firstCut((req, res, n) => {
      if (n > 1) return serve(res, req);
      res
        .writeHead(206, { etag: '"two"', "content-range": "bytes 100000-299999/300000" })
        .end(content.subarray(100_000));
    });
    await get();
    expect(notices.at(-1)).toMatch(/has changed; it starts over/);
    expect(requests[2]!.range).toBeUndefined();
    expect(await whole()).toBe(true);
  });

  it("starts over once where the joined parts do not make the file, and not for ever", async () => {
    // No ETag, no date: only the checksum can tell.
    const old = randomBytes(100_000);
    answer = (req, res, n) => {
      if (n === 0) return cutAfter(res, old, {});
      if (n > 1) return serve(res, req);
      res.writeHead(206, { "content-range": "bytes 100000-299999/300000" }).end(content.subarray(100_000));
    };
    await get();
    expect(notices.at(-1)).toMatch(/came over several connections, so it starts over/);
    expect(await whole()).toBe(true);
    await rm(target());
    requests = [];
    answer = (req, res, n) =>
      n % 2 === 0 ? cutAfter(res, old, { etag }) : serve(res, req, { bytes: Buffer.from(content).fill(0) });
    expect(await failure()).toMatch(/has the SHA-256 .* expected .*: removed/);
    expect(requests).toHaveLength(4);
    expect(await names()).toEqual([]);
  });

  it("does not join without checksum and without anything to tell by", async () => {
    answer = firstCut(good, {});
    await get({ sha256: undefined });
    expect(requests[1]!.range).toBeUndefined();
    expect(await whole()).toBe(true);
  });

  it.each([
    ["another start", "bytes 0-199999/300000"],
    ["another length", "bytes 100000-299999/300001"],
    ["no numbers", "bytes a-b/c"],
    ["nothing", undefined],
  ])("starts over at a range with %s", async (_what, range) => {
    answer = firstCut((req, res, n) => {
      if (n > 1) return serve(res, req);
      res.writeHead(206, { etag, ...(range && { "content-range": range }) }).end(content.subarray(100_000));
    });
    await get();
    expect(await whole()).toBe(true);
    expect(notices.at(-1)).toMatch(/starts over/);
  });

  it("needs no server for a part that is whole already", async () => {
    answer = good;
    await get();
    const note = { url: `${base}/w.bin`, checksum: `SHA-256 ${sha256}`, total: content.length };
    await rm(target());
    await writeFile(`${target()}.part`, content);
    await writeFile(`${target()}.part.json`, JSON.stringify(note));
    await get();
    expect(requests).toHaveLength(1);
    expect(await whole()).toBe(true);
    // Without its length: the server says 416.
    await rm(target());
    await writeFile(`${target()}.part`, content);
    await writeFile(`${target()}.part.json`, JSON.stringify({ ...note, total: undefined }));
    await get();
    expect(requests).toHaveLength(2);
    expect(await whole()).toBe(true);
  });

  it.each([
    ["longer than the file", Buffer.concat([content, content]), {}],
    ["of another file", content.subarray(0, 1000), { checksum: "SHA-256 other" }],
  ])("leaves a part that is %s", async (_what, bytes, more) => {
    answer = good;
    const note = { url: `${base}/w.bin`, checksum: `SHA-256 ${sha256}`, etag, total: content.length, ...more };
    await writeFile(`${target()}.part`, bytes);
    await writeFile(`${target()}.part.json`, JSON.stringify(note));
    await get();
    expect(requests[0]!.range).toBeUndefined();
    expect(await whole()).toBe(true);
  });

  it("416 with another length starts over", async () => {
    await writeFile(`${target()}.part`, Buffer.alloc(400_000));
    await writeFile(`${target()}.part.json`, JSON.stringify({ url: "x", checksum: `SHA-256 ${sha256}`, etag }));
    answer = good;
    await get();
    expect(requests.map(({ range }) => range)).toEqual(["bytes=400000-", undefined]);
    expect(await whole()).toBe(true);
  });
});

describe("a stall", () => {
  it("in the middle is cut and gone on with", async () => {
    answer = (req, res, n) => {
      if (n > 0) return serve(res, req);
      res.writeHead(200, { etag, "content-length": content.length });
      res.write(content.subarray(0, 50_000));
    };
    await get({ timeouts: { ...times, idle: 300 } });
    expect(notices[0]).toMatch(/sent nothing for 0\.3 s: cut; 50000 bytes are kept/);
    expect(await whole()).toBe(true);
  });

  it("before the answer is cut", async () => {
    answer = () => {};
    expect(await failure({ retries: 1, timeouts: { ...times, connect: 50 } })).toMatch(
      /did not answer for 0\.05 s: cut/,
    );
    expect(requests).toHaveLength(2);
  });
});

describe("wrong bytes", () => {
  const wrong = Buffer.from(content);
  wrong[200_000]! ^= 0x10;

  it("never get the name, and both hashes are said", async () => {
    answer = (req, res) => serve(res, req, { bytes: wrong });
    const message = await failure();
    expect(message).toContain(sha256);
    expect(message).toContain(createHash("sha256").update(wrong).digest("hex"));
    expect(message).toMatch(/removed; 127\.0\.0\.1:\d+ has another file/);
    expect(await names()).toEqual([]);
    expect(requests).toHaveLength(1);
  });

  it("a web page instead of the file is called one", async () => {
    answer = (_req, res) => res.setHeader("content-type", "text/html; charset=utf-8").end("<html>Log in</html>");
    expect(await failure()).toMatch(/sends a web page instead of the file/);
    expect(await names()).toEqual([]);
  });

  it("a length that is not the expected one is refused before the bytes come", async () => {
    answer = good;
    expect(await failure({ size: 299_999 })).toMatch(/expected 299999 bytes, but .* has 300000/);
    expect(await failure({ maxSize: 1000 })).toMatch(/has 300000 bytes, the limit is 1000/);
    expect(await names()).toEqual([]);
  });
});

describe("lies about lengths", () => {
  // Written to the socket as they stand: Node's server would refuse to lie.
  const raw =
    (head: string, body: Buffer): Answer =>
    (_req, res) => {
      const socket = res.socket as Socket;
      socket.write(`HTTP/1.1 200 OK\r\netag: ${etag}\r\n${head}\r\n\r\n`);
      // A cut at once would throw away what the client has not read yet.
      socket.write(body, () => setTimeout(() => socket.end(), 10));
    };

  it("shorter than announced is a cut", async () => {
    answer = raw(`content-length: ${content.length}`, content.subarray(0, 1000));
    expect(await failure({ retries: 1, sha256: undefined })).toMatch(/given up, 1000 bytes are kept/);
    expect(await names()).toEqual(["w.bin.part", "w.bin.part.json"]);
  });

  it("longer than announced does not pass the checksum, or is cut at what was announced", async () => {
    answer = raw(`content-length: 1000`, content);
    expect(await failure()).toMatch(/has the SHA-256/);
    expect(await names()).toEqual([]);
    expect(await failure({ size: content.length })).toMatch(/expected 300000 bytes, but .* has 1000/);
  });

  it("longer than what is left, or than the limit, is refused while it comes", async () => {
    const endless: Answer = (_req, res) => {
      const more = (): void => void (res.destroyed || res.write(content, () => setImmediate(more)));
      more();
    };
    answer = endless;
    expect(await failure({ size: 1_000_000 })).toMatch(/more than the 1000000 bytes that were expected: refused/);
    expect(await failure({ maxSize: 1_000_000 })).toMatch(/more than the limit of 1000000 bytes: refused/);
    expect(await names()).toEqual([]);
    answer = (req, res, n) =>
      n === 0
        ? cutAfter(res, content.subarray(0, 100_000), { etag })
        : (res.writeHead(206, { etag, "content-range": "bytes 100000-299999/300000" }), endless(req, res, n));
    requests = [];
    expect(await failure()).toMatch(/more than the 300000 bytes that were expected/);
    expect(await names()).toEqual([]);
  });

  it("none at all: only with a checksum, or where the end is marked", async () => {
    answer = raw("connection: close", content);
    expect(await failure({ sha256: undefined })).toMatch(/does not say how long it is/);
    await get();
    expect(await whole()).toBe(true);
    answer = raw("connection: close", content.subarray(0, 1000));
    await rm(target());
    expect(await failure()).toMatch(/may have been cut/);
    answer = (_req, res) => {
      res.write(content);
      res.end();
    };
    expect(await get({ sha256: undefined })).toEqual({ path: target(), size: content.length, loaded: true });
    await rm(target());
    answer = (_req, res) => {
      cutAt = { done: content.length, cut: () => res.destroy() };
      res.write(content);
    };
    expect(await failure({ sha256: undefined, retries: 0 })).toMatch(/cut/);
  });

  it("compressed on the way is refused", async () => {
    answer = (_req, res) => res.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(content));
    expect(await failure()).toMatch(/sends it compressed \(gzip\), though the plain bytes were asked for/);
    expect(await names()).toEqual([]);
  });
});

describe("answers that are no file", () => {
  it.each([
    [401, "access needs a login", 1],
    [403, "access is denied", 1],
    [404, "there is no such file", 1],
    [418, "expected a file", 1],
    [500, "try again later; given up", 3],
    [503, "try again later; given up", 3],
    [429, "try again later; given up", 3],
  ])("%d: %s", async (status, words, asked) => {
    answer = (_req, res) => res.writeHead(status).end("no");
    const message = await failure({ retries: 2, url: `${base}/w.bin?secret=1` });
    expect(message).toContain(`w.bin: ${base}/w.bin answers ${status}: ${words}`);
    expect(message).not.toContain("secret");
    expect(requests).toHaveLength(asked);
    expect(await names()).toEqual([]);
  });

  it("503 once is no failure", async () => {
    answer = (req, res, n) => (n === 0 ? res.writeHead(503).end() : serve(res, req));
    await get();
    expect(await whole()).toBe(true);
  });

  it("no server: at once and once", async () => {
    server.close();
    expect(await failure()).toMatch(/no connection to 127.*ECONNREFUSED.*check the network/);
    expect(notices).toEqual([]);
  });
});

describe("redirects", () => {
  const redirect =
    (location: string | undefined, status = 302): Answer =>
    (req, res) =>
      req.url === "/w.bin" ? res.writeHead(status, location === undefined ? {} : { location }).end() : serve(res, req);

  it.each([301, 302, 303, 307, 308])("%d is followed", async (status) => {
    answer = redirect("/elsewhere?signed=1", status);
    await get();
    expect(await whole()).toBe(true);
  });

  it("what authorises stays with the first server", async () => {
    const other = createServer((req, res) => answer(req, res, requests.push(req.headers) - 1));
    await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    answer = redirect(`http://127.0.0.1:${(other.address() as AddressInfo).port}/elsewhere`);
    await get({ headers: { authorization: "Bearer hf_x" } });
    other.close();
    expect(requests.map(({ authorization }) => authorization)).toEqual(["Bearer hf_x", undefined]);
  });

  it.each([
    ["http://example.org/w.bin", /redirects to http:\/\/example\.org, which is not https: refused/],
    ["file:///etc/passwd", /redirects to file:\/\/, which is not https: refused/],
    ["data:,hello", /redirects to data:/],
    ["http://[", /redirects to no address/],
    [undefined, /redirects to no address/],
    ["/w.bin", /redirects more than 10 times/],
  ])("to %s is refused", async (location, message) => {
    answer = redirect(location);
    expect(await failure()).toMatch(message);
    expect(await names()).toEqual([]);
  });

  it.each(["http://example.org/w.bin", "ftp://example.org/w.bin", "https://a:b@example.org/w.bin", "w.bin"])(
    "%s is no address to begin with",
    async (url) => {
      expect(await failure({ url, name: "w.bin" })).toMatch(/expected an https address/);
    },
  );

  it("https does not fall back to this machine's http", async () => {
    const fetch = (async () =>
      new Response(null, { status: 302, headers: { location: `${base}/x` } })) as typeof globalThis.fetch;
    expect(await failure({ url: "https://example.org/w.bin", fetch })).toMatch(/which is not https: refused/);
  });
});

describe("two at once", () => {
  it("load once: the second waits, says so, and takes the first one's file", async () => {
    answer = (req, res) => setTimeout(() => serve(res, req), 100);
    const [a, b] = await Promise.all([get(), get()]);
    expect([a.loaded, b.loaded].toSorted()).toEqual([false, true]);
    expect(requests).toHaveLength(1);
    expect(notices).toEqual([`w.bin: process ${process.pid} on ${hostname()} is loading it; waiting for it`]);
    expect(await whole()).toBe(true);
  });

  it("the second goes on where the first is cut", async () => {
    answer = firstCut((req, res) => setTimeout(() => serve(res, req), 20));
    const results = await Promise.allSettled([get({ retries: 0 }), get({ retries: 0 })]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(requests[1]!.range).toBe("bytes=100000-");
    expect(await whole()).toBe(true);
  });

  it.each([
    ["of a process that has died", { pid: 2 ** 22 + 1, host: hostname(), token: "x" }],
    ["without a sign of life", { pid: 1, host: "elsewhere", token: "x" }],
    ["that was never written", undefined],
  ])("a lock %s is taken over", async (_what, owner) => {
    answer = good;
    await writeFile(`${target()}.lock`, owner ? JSON.stringify(owner) : "");
    await get({ timeouts: { ...times, lockStale: 200 } });
    expect(await whole()).toBe(true);
  });

  it("waiting can be interrupted", async () => {
    await writeFile(`${target()}.lock`, JSON.stringify({ pid: process.pid, host: hostname(), token: "x" }));
    const stop = new AbortController();
    const stopped = failure({
      signal: stop.signal,
      onNotice: () => stop.abort(new Error("interrupted")),
    });
    expect(await stopped).toBe("interrupted");
  });
});

describe("the disk", () => {
  it.runIf(process.platform === "linux")("full: one line, and what is there stays", async () => {
    answer = good;
    await symlink("/dev/full", `${target()}.part`);
    expect(await failure()).toMatch(/w\.bin\.part: cannot be written \(ENOSPC\): the disk is full: make room/);
    expect(requests).toHaveLength(1);
    expect((await readdir(folder)).includes("w.bin")).toBe(false);
  });

  it("too small is said before the first byte, and the connection ends", async () => {
    let closed = false;
    answer = (_req, res) => {
      res.on("close", () => (closed = true));
      res.writeHead(200, { "content-length": 10 ** 15 }).write("x");
    };
    expect(await failure({ maxSize: 1e16 })).toMatch(/needs 1000000000 MB, but \d+ MB are free in .*: make room/);
    await expect.poll(() => closed).toBe(true);
    expect(await names()).toEqual([]);
  });

  it("a folder that cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    expect(await failure({ folder: join(folder, "file", "models") })).toMatch(
      /cannot be written \(ENOTDIR\): a part of the path is a file/,
    );
    expect(await failure({ folder: join(folder, "file") })).toMatch(/a part of the path is a file/);
  });

  it.runIf(process.platform === "linux")("a place where no folder can be made, however deep", async () => {
    expect(await failure({ folder: "/proc/nowhere/models" })).toMatch(
      /cannot be written \((ENOENT|EACCES|EPERM)\): .*: choose another folder/,
    );
  });

  it("a folder where the file should be", async () => {
    await mkdir(target());
    expect(await failure()).toMatch(/expected a file or nothing, found a folder/);
  });
});

describe("offline", () => {
  it("says what is missing, its SHA-256 and where it goes", async () => {
    expect(await failure({ url: undefined, sha256: undefined, model: "vit-b-16", offline: true })).toBe(
      `ViT-B-16.pt: not in ${folder}, and nothing is loaded offline; fetch https://openaipublic.azureedge.net/clip/models/5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f/ViT-B-16.pt (SHA-256 5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f) where there is a network, and put it at ${join(folder, "ViT-B-16.pt")}`,
    );
  });

  it("takes a file that was put there, and refuses a wrong one", async () => {
    await writeFile(target(), content);
    expect(await get({ offline: true })).toMatchObject({ loaded: false, sha256 });
    await writeFile(target(), "wrong");
    expect(await failure({ offline: true })).toMatch(
      /has the SHA-256 .*, expected .*: it is damaged or another file; remove it/,
    );
    expect((await stat(target())).size).toBe(5);
    expect(requests).toEqual([]);
  });
});

describe("called wrongly", () => {
  it.each([
    [{ model: "ViT-B/17", url: undefined }, /^ViT-B\/17: no such model; expected one of RN50, .*, ViT-L\/14@336px$/],
    [{ model: "RN50" }, /expected either a model or a url/],
    [{ url: undefined }, /expected either a model or a url/],
    [{ name: "../w.bin" }, /expected a file name/],
    [{ name: ".." }, /expected a file name/],
    [{ name: "a\\b" }, /expected a file name/],
    [{ name: "C:b" }, /expected a file name/],
    [{ name: "a\nb" }, /expected a file name/],
    [{ sha256: "12" }, /expected a SHA-256 of 64 hexadecimal digits/],
  ])("%j", async (options, message) => {
    expect(await failure(options)).toMatch(message);
    expect(await names()).toEqual([]);
  });
});

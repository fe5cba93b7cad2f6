import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hubFolder, parseHubModel, UNFINISHED } from "./hub-model.js";
import { downloadHubModel, type HubOptions } from "./hugging-face.js";
import { resolveWeights } from "./weights-name.js";

// A hub on this machine, with the parts of its interface that are used: a tree, and files behind a redirect to another server.
const model = parseHubModel("hf:timm/vit@v1")!;
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");
const gitObject = (bytes: Buffer) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

let cache: string;
let hub: Server;
let hubUrl: string;
let store: Server;
let files: Record<string, string>;
let asked: { url: string; authorization?: string; range?: string }[];
let stored: IncomingMessage["headers"][];
let before: (req: IncomingMessage, res: ServerResponse) => boolean;
let lists: (entries: object[]) => object[];

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const entryOf = ([path, text]: [string, string]): object => {
  const bytes = Buffer.from(text);
  const lfs = /safetensors$|\.bin$/.test(path);
  return {
    type: "file",
    path,
    size: bytes.length,
    oid: gitObject(bytes),
    ...(lfs && { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } }),
  };
};

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "hub-"));
  asked = [];
  stored = [];
  before = () => false;
  lists = (entries) => entries;
  files = {
    "README.md": "# a model",
    "config.json": '{"model_type":"clip"}',
    "model.safetensors": "weights ".repeat(1000),
    "pytorch_model.bin": "a pickle",
    "vocab.json": "{}",
  };
  store = createServer((req, res) => {
    stored.push(req.headers);
    const bytes = Buffer.from(files[decodeURIComponent(req.url!.slice(1).split("?")[0]!)]!);
    const from = Number(/^bytes=(\d+)-$/.exec(req.headers.range ?? "")?.[1] ?? 0);
    res.writeHead(from ? 206 : 200, {
      etag: `"${sha256(bytes)}"`,
      "content-length": bytes.length - from,
      ...(from && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    res.end(bytes.subarray(from));
  });
  const storeUrl = await listen(store);
  hub = createServer((req, res) => {
    const { authorization, range } = req.headers;
    asked.push({ url: req.url!, authorization, range });
    if (before(req, res)) return;
    const root = "/timm/vit/resolve/v1/";
    if (req.url!.startsWith("/api/models/timm/vit/tree/v1?"))
      res
        .setHeader("content-type", "application/json")
        .end(
          JSON.stringify([{ type: "directory", path: "onnx", size: 0 }, ...lists(Object.entries(files).map(entryOf))]),
        );
    else if (req.url!.startsWith(root))
      res.writeHead(302, { location: `${storeUrl}/${req.url!.slice(root.length)}?signature=secret` }).end();
    else res.writeHead(404, { "content-type": "application/json" }).end('{"error":"Repository not found"}');
  });
  hubUrl = await listen(hub);
});
afterEach(async () => {
  for (const server of [hub, store]) {
    server.closeAllConnections();
    server.close();
  }
  await rm(cache, { recursive: true, force: true });
});

const load = (options: Partial<HubOptions> = {}, of = model) =>
  downloadHubModel(of, { cache, hubUrl, retries: 1, timeouts: { retry: 1, connect: 500, idle: 500 }, ...options });
const failure = async (options: Partial<HubOptions> = {}, of = model): Promise<string> => {
  const error: unknown = await load(options, of).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).not.toMatch(/\n|secret/);
  return (error as Error).message;
};
const there = async () =>
  (await readdir(hubFolder(cache, model)).catch(() => [])).filter((name) => !name.endsWith(".checked.json")).toSorted();

describe("a model of the hub", () => {
  it("is loaded with its configuration, checked, and found by its name", async () => {
    const { path, files: loaded } = await load();
    expect(path).toBe(join(cache, "huggingface/timm/vit/v1/model.safetensors"));
    expect(await there()).toEqual(["config.json", "model.safetensors"]);
    expect(await readFile(path, "utf8")).toBe(files["model.safetensors"]);
    expect(loaded.map(({ sha256 }) => sha256)).toEqual([undefined, sha256(files["model.safetensors"]!)]);
    expect(await resolveWeights("hf:timm/vit@v1", { cache })).toBe(path);
  });

  it("is not loaded twice, and offline not asked for", async () => {
    await load();
    stored = [];
    expect((await load()).files.map(({ loaded }) => loaded)).toEqual([false, false]);
    expect(stored).toEqual([]);
    asked = [];
    expect((await load({ offline: true })).path).toMatch(/model\.safetensors$/);
    expect(asked).toEqual([]);
  });

  it("that has moved on is loaded anew where it differs", async () => {
    await load();
    files["config.json"] = '{"model_type":"clip","new":1}';
    const notices: string[] = [];
    const { files: loaded } = await load({ onNotice: (line) => notices.push(line) });
    expect(loaded.map(({ loaded }) => loaded)).toEqual([true, false]);
    expect(notices.join()).toMatch(/config\.json: has 21 bytes, expected 29/);
    expect(await readFile(join(hubFolder(cache, model), "config.json"), "utf8")).toContain("new");
  });

  it("the token goes to the hub, and not where it redirects", async () => {
    await load({ token: "hf_abc" });
    expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer hf_abc"]));
    expect(stored.length).toBe(2);
    expect(stored.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it("open_clip's weights come before timm's image tower", async () => {
    files["open_clip_config.json"] = "{}";
    files["open_clip_model.safetensors"] = "both towers";
    expect((await load()).path).toMatch(/open_clip_model\.safetensors$/);
    expect(await there()).toEqual(["config.json", "open_clip_config.json", "open_clip_model.safetensors"]);
  });

  it("PyTorch's file only without safetensors", async () => {
    delete files["model.safetensors"];
    expect((await load()).path).toMatch(/pytorch_model\.bin$/);
  });

  it("split weights come with all their parts", async () => {
    delete files["model.safetensors"];
    files["model-00001-of-00002.safetensors"] = "one";
    files["model-00002-of-00002.safetensors"] = "two";
    files["model.safetensors.index.json"] = JSON.stringify({
      weight_map: { a: "model-00001-of-00002.safetensors", b: "model-00002-of-00002.safetensors" },
    });
    expect((await load()).path).toMatch(/model\.safetensors\.index\.json$/);
    expect(await there()).toEqual([
      "config.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ]);
  });

  it.each([
    ["outside", '{"weight_map":{"a":"../../x.safetensors"}}', /should name 1 to 100 \.safetensors files/],
    ["that are hidden", '{"weight_map":{"a":".x.safetensors"}}', /should name/],
    ["of another kind", '{"weight_map":{"a":"x.bin"}}', /should name/],
    ["that are no names", '{"weight_map":{"a":{}}}', /should name/],
    [
      "that the hub lacks",
      '{"weight_map":{"a":"x.safetensors"}}',
      /its index names x\.safetensors, which http.* does not have/,
    ],
    ["none", "{}", /should name/],
    ["without JSON", "{", /should name/],
  ])("an index of files %s is refused, and the model stays unfinished", async (_what, index, message) => {
    delete files["model.safetensors"];
    files["model.safetensors.index.json"] = index;
    expect(await failure()).toMatch(message);
    await expect(resolveWeights("hf:timm/vit@v1", { cache })).rejects.toThrow(
      "weights: the download of hf:timm/vit@v1 is unfinished; run again: locoop download hf:timm/vit@v1",
    );
  });
});

describe("refusals", () => {
  it("wrong bytes, of weights and of small files", async () => {
    lists = (entries) => {
      files["model.safetensors"] = files["model.safetensors"]!.replace("w", "W");
      return entries;
    };
    expect(await failure()).toMatch(/^model\.safetensors: has the SHA-256 .*, expected .*: removed/);
    expect(await there()).toEqual([UNFINISHED, "config.json"]);
    lists = (entries) => {
      files["config.json"] = '{"model_type":"CLIP"}';
      return entries;
    };
    await rm(hubFolder(cache, model), { recursive: true });
    expect(await failure()).toMatch(/^config\.json: has the git object/);
  });

  it("another length than listed", async () => {
    lists = (entries) => {
      files["model.safetensors"] += "more";
      return entries;
    };
    expect(await failure()).toMatch(/expected 8000 bytes, but .* has 8004/);
  });

  it.each([
    [
      401,
      undefined,
      /there is no such model, or it is private or gated; check the name, accept its conditions at http.*\/timm\/vit, and set HF_TOKEN/,
    ],
    [403, "hf_abc", /the token of HF_TOKEN may not read it; accept its conditions/],
    [404, undefined, /there is no such model, or not at revision v1/],
    [500, undefined, /answers 500; try again later/],
  ])("%d to the list, and to a file", async (status, token, message) => {
    before = (_req, res) => {
      res.writeHead(status, { "content-type": "application/json" }).end('{"error":"no"}');
      return true;
    };
    expect(await failure({ token })).toMatch(message);
    before = (req, res) => {
      if (!req.url!.includes("resolve")) return false;
      res.writeHead(status).end();
      return true;
    };
    expect(await failure({ token })).toMatch(status === 500 ? /answers 500: try again later/ : message);
    expect(await there()).toEqual([UNFINISHED]);
  });

  it("another revision", async () => {
    expect(await failure({}, parseHubModel("hf:timm/vit@v2"))).toMatch(
      /^hf:timm\/vit@v2: there is no such model, or not at revision v2/,
    );
  });

  it("a cache that cannot be written", async () => {
    await writeFile(join(cache, "file"), "");
    expect(await failure({ cache: join(cache, "file") })).toMatch(
      /^cache: cannot make the folder .*: .*file is a file; choose another place$/,
    );
  });

  it("no weights", async () => {
    files = { "README.md": "", "flax_model.msgpack": "" };
    expect(await failure()).toMatch(/expected model\.safetensors, .* found README\.md, flax_model\.msgpack/);
  });

  it("a hub that is not there, one that hangs, one that sends something else, one that points elsewhere", async () => {
    before = () => true;
    expect(await failure({ timeouts: { connect: 50 } })).toMatch(
      /gives no list of files; check the network \(.*timeout/,
    );
    before = (_req, res) => Boolean(res.end("<html>"));
    expect(await failure()).toMatch(/gives no list of files; check the network \(/);
    before = (_req, res) =>
      Boolean(
        res
          .setHeader("link", '<https://example.org/next>; rel="next"')
          .setHeader("content-type", "application/json")
          .end("[]"),
      );
    expect(await failure()).toMatch(/the list of files goes on at another server/);
    hub.closeAllConnections();
    hub.close();
    expect(await failure()).toMatch(/gives no list of files; check the network \((ECONNREFUSED|UND_ERR_SOCKET)/);
    expect(await failure({ hubUrl: "http://example.org" })).toMatch(/HF_ENDPOINT: expected an https address/);
    expect(await failure({ token: "secre" })).toMatch(/hf_/);
  });

  it("offline, before anything was loaded", async () => {
    expect(await failure({ offline: true })).toMatch(
      /^hf:timm\/vit@v1: missing in .*timm\/vit\/v1, and nothing is loaded offline; fetch config\.json, .* from http.*\/timm\/vit\/tree\/v1 where there is a network, and put them there$/,
    );
    expect(asked).toEqual([]);
  });
});

it("a model goes on where it was cut", async () => {
  const half = files["model.safetensors"]!.slice(0, 5000);
  let cut = (): void => {};
  before = (req, res) => {
    if (!req.url!.includes("model.safetensors")) return false;
    res.writeHead(200, { etag: `"${sha256(files["model.safetensors"]!)}"`, "content-length": 8000 });
    res.write(half);
    cut = () => res.destroy();
    return true;
  };
  // Cut when the client has it: cut at once, what it has not read yet is thrown away.
  const onProgress: HubOptions["onProgress"] = ({ done }) => done === half.length && cut();
  expect(await failure({ retries: 0, onProgress })).toMatch(/5000 bytes are kept: run it again to go on/);
  before = () => false;
  await load();
  expect(stored.at(-1)!.range).toBe("bytes=5000-");
  await writeFile(join(hubFolder(cache, model), UNFINISHED), "");
  expect(await failure({ offline: true })).toMatch(/unfinished in /);
});

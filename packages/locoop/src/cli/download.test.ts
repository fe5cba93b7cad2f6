import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publishedModels } from "@locoop/clip/node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bin } from "./command.test.kit.js";
import { main } from "./main.js";

// The command in this process, against a hub on this machine.
let dir: string;
let hub: Server;
let out: string;
let err: string;
let cut: boolean;
let stall: boolean;
let ranges: (string | undefined)[];
const weights = "weights ".repeat(500_000);
const half = 2_000_000;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-download-"));
  out = err = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean((out += String(text))));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean((err += String(text))));
  cut = true;
  stall = false;
  ranges = [];
  const oid = createHash("sha256").update(weights).digest("hex");
  const file = { type: "file", path: "model.safetensors", size: weights.length, oid: "0".repeat(40) };
  hub = createServer((req, res) => {
    if (req.url!.startsWith("/api/models/a/b/tree/main"))
      return res
        .setHeader("content-type", "application/json")
        .end(JSON.stringify([{ ...file, lfs: { oid, size: weights.length, pointerSize: 100 } }]));
    if (req.url !== "/a/b/resolve/main/model.safetensors") return res.writeHead(404).end();
    ranges.push(req.headers.range);
    const from = Number(/^bytes=(\d+)-$/.exec(req.headers.range ?? "")?.[1] ?? 0);
    res.writeHead(from ? 206 : 200, {
      etag: '"x"',
      "content-length": weights.length - from,
      ...(from && { "content-range": `bytes ${from}-${weights.length - 1}/${weights.length}` }),
    });
    if (stall) return res.write(weights.slice(0, half));
    if (!cut) return res.end(weights.slice(from));
    cut = false;
    return res.write(weights.slice(0, half), () => setTimeout(() => res.destroy(), 50));
  });
  await new Promise<void>((done) => hub.listen(0, "127.0.0.1", done));
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${(hub.address() as AddressInfo).port}/`);
  vi.stubEnv("HF_TOKEN", "");
  vi.stubEnv("LOCOOP_CACHE", join(dir, "cache"));
  vi.stubEnv("LOCOOP_OFFLINE", "");
  vi.stubEnv("HF_HUB_OFFLINE", "");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  hub.closeAllConnections();
  hub.close();
  await rm(dir, { recursive: true, force: true });
});

it("prints the path of the weights, and what happened beside it", async () => {
  expect(await main(["download", "hf:a/b"])).toBe(0);
  const path = join(dir, "cache/huggingface/a/b/main/model.safetensors");
  expect(out).toBe(`${path}\n`);
  expect(await readFile(path, "utf8")).toBe(weights);
  expect(err).toMatch(/notice: model\.safetensors: .*cut.*, attempt 2 of 6\n/);
  expect(err).toMatch(/download model\.safetensors: 4\/4 MB \(100 %\)/);
  expect(err).toMatch(/check model\.safetensors: 4\/4 MB/);
  out = err = "";
  vi.stubEnv("LOCOOP_OFFLINE", "1");
  expect(await main(["download", "hf:a/b", "--json"])).toBe(0);
  expect(JSON.parse(out)).toEqual({ name: "hf:a/b", path, files: [] });
});

it("says in one line why not", async () => {
  expect(await main(["download", "hf:a/c"])).toBe(1);
  expect(err).toMatch(/^error: hf:a\/c: there is no such model, .* \(404\)\n$/);
  err = "";
  expect(await main(["download", "vit-b-16", "--offline", "--cache", join(dir, "mine")])).toBe(1);
  expect(err).toMatch(
    /^error: ViT-B-16\.pt: not in .*fetch https:.*\(SHA-256 5806e77c.*put it at .*mine.openai.ViT-B-16\.pt\n$/,
  );
  expect(out).toBe("");
});

it.each([
  [["download"], /give the name of a model, such as ViT-B\/16; --list names them/],
  [["download", "ViT-B/17"], /ViT-B\/17: no such model; expected one of RN50, .*, or hf:owner\/name/],
  [["download", "hf:a"], /expected hf:owner\/name/],
  [["download", "RN50", "--list"], /--list names the models, and loads none/],
  [["download", "RN50", "RN101"], /too many arguments/],
])("%j is called wrongly", async (args, message) => {
  expect(await main(args)).toBe(2);
  expect(err).toMatch(message);
});

it("lists the published models", async () => {
  expect(await main(["download", "--list"])).toBe(0);
  for (const { name, sha256 } of publishedModels) expect(out).toMatch(new RegExp(`^${name} .*${sha256}$`, "m"));
  out = "";
  expect(await main(["download", "--list", "--json"])).toBe(0);
  expect((JSON.parse(out) as { name: string }[]).map(({ name }) => name)).toEqual(
    publishedModels.map(({ name }) => name),
  );
});

it("a training that names a model which was not downloaded says the command", async () => {
  const options = ["--data", dir, "--out", join(dir, "run")];
  expect(await main(["train", "--weights", "ViT-B/16", ...options])).toBe(1);
  expect(err).toMatch(/^error: weights: ViT-B\/16 is not in .*cache; run: locoop download ViT-B\/16\n$/);
  err = "";
  expect(await main(["evaluate", "--weights", "hf:a/b", "--id", dir, "--ood", `x=${dir}`])).toBe(1);
  expect(err).toMatch(/^error: weights: hf:a\/b is not in .*cache; run: locoop download hf:a\/b\n$/);
});

describe("in a process of its own", () => {
  const folder = () => join(dir, "cache/huggingface/a/b/main");
  const sizeOfPart = async () =>
    (await stat(join(folder(), "model.safetensors.part")).catch(() => undefined))?.size ?? 0;
  const start = () => {
    const child = spawn(process.execPath, [bin, "download", "hf:a/b"], { cwd: dir });
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += String(text)));
    return { child, said: () => stderr, ended: once(child, "exit") as Promise<[number | null, string | null]> };
  };

  it("Ctrl-C keeps what came, and the next one goes on", async () => {
    stall = true;
    const { child, said, ended } = start();
    await expect.poll(sizeOfPart, { timeout: 60_000 }).toBe(half);
    child.kill("SIGINT");
    expect(await ended).toEqual([130, null]);
    expect(said()).toMatch(/error: interrupted; what was finished is kept\n$/);
    expect(await sizeOfPart()).toBe(half);
    expect(await readdir(folder())).not.toContain("model.safetensors.lock");
    stall = cut = false;
    expect(await main(["download", "hf:a/b"])).toBe(0);
    expect(ranges.at(-1)).toBe(`bytes=${half}-`);
    expect(await readFile(join(folder(), "model.safetensors"), "utf8")).toBe(weights);
  });

  it("a second one waits, and takes over when the first is killed", async () => {
    stall = true;
    const first = start();
    await expect.poll(sizeOfPart, { timeout: 60_000 }).toBe(half);
    stall = cut = false;
    const second = start();
    await expect.poll(second.said, { timeout: 60_000 }).toContain(`process ${first.child.pid} on `);
    first.child.kill("SIGKILL");
    expect(await second.ended).toEqual([0, null]);
    expect(ranges.at(-1)).toBe(`bytes=${half}-`);
    expect(await readFile(join(folder(), "model.safetensors"), "utf8")).toBe(weights);
  });
});

import { mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, decodeFloat16, encodeFloat16, type ImageFeatures, readSafetensors } from "@locoop/clip";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PictureRequest } from "./features.js";
import * as files from "./files.js";
import type { RunConfig } from "./run-folder.js";
import { openViewCache, type ViewCacheOptions, viewParts, viewsInMemory } from "./view-cache.js";
import { planShards } from "./view-shards.js";

const embedDim = 8;
const regions = 3;
const requests: PictureRequest[] = Array.from({ length: 600 }, (_, i) => ({ path: `/pictures/${i}.png` }));
const all = Array.from({ length: requests.length }, (_, i) => i);

/** Features that are a function of the path alone. */
function featuresOf(list: readonly PictureRequest[]): ImageFeatures {
  const fill = (length: number, name: string): Float32Array => {
    const data = new Float32Array(list.length * length);
    list.forEach(({ path }, row) => {
      const random = createRandom(`${name}${path}`);
      for (let i = 0; i < length; i++) data[row * length + i] = random.normal();
    });
    return data;
  };
  return {
    global: { data: fill(embedDim, "global"), shape: [list.length, embedDim] },
    local: { data: fill(regions * embedDim, "local"), shape: [list.length, regions, embedDim] },
  };
}

let dir: string;
let encoded: number[];
let notices: string[];
const options = (more: Partial<ViewCacheOptions> = {}): ViewCacheOptions => ({
  dir,
  parts: { weights: "a" },
  requests,
  embedDim,
  regions,
  encode: async (list) => {
    encoded.push(list.length);
    return featuresOf(list);
  },
  onNotice: (line) => notices.push(line),
  ...more,
});
const folderOf = async (): Promise<string> => join(dir, (await readdir(dir))[0]!);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-views-"));
  encoded = [];
  notices = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("cached views", () => {
  it("give every row rounded to float16, in any order, fresh, opened again and from memory alike", async () => {
    const whole = featuresOf(requests);
    const rounded = (data: Float32Array): Float32Array => decodeFloat16(encodeFloat16(data));
    const fresh = await (await openViewCache(options())).take(all, { local: true });
    expect(fresh.global).toEqual({ data: rounded(whole.global.data), shape: [600, embedDim] });
    expect(fresh.local).toEqual({ data: rounded(whole.local!.data), shape: [600, regions, embedDim] });
    expect(encoded).toEqual([256, 256, 88]);

    const again = await openViewCache(options({ parallel: 3 }));
    expect(encoded).toHaveLength(3);
    const rows = [599, 0, 255, 256, 0, 300];
    const some = await again.take(rows, { local: true });
    expect(some).toEqual(await viewsInMemory(whole).take(rows, { local: true }));
    expect([...some.local!.data.subarray(0, 24)]).toEqual([...fresh.local!.data.subarray(599 * 24)]);
    expect(await again.take(rows, { local: false })).toEqual({ global: some.global, local: undefined });
    expect(notices).toEqual([]);
  });

  it("are safetensors shards of whole chunks with an index, and no temporary file", async () => {
    await openViewCache(options({ parallel: 2 }));
    const folder = await folderOf();
    expect((await readdir(folder)).sort()).toEqual([
      "00000.safetensors",
      "00001.safetensors",
      "00002.safetensors",
      "index.json",
    ]);
    const index = JSON.parse(await readFile(join(folder, "index.json"), "utf8")) as Record<string, unknown>;
    expect(index).toMatchObject({ rows: 600, embedDim, regions, complete: true, parts: { weights: "a" } });
    expect(folder).toContain((index.key as string).slice(0, 16));
    const { tensors, metadata } = readSafetensors(await readFile(join(folder, "00001.safetensors")));
    expect(metadata).toMatchObject({ format: "locoop-views-1", key: index.key, first: "256" });
    expect(JSON.parse(metadata.parts!)).toEqual({ weights: "a" });
    expect(tensors.get("global")?.shape).toEqual([256, embedDim]);
    expect(tensors.get("local")?.shape).toEqual([256, regions, embedDim]);
  });

  it("hold no local features where none are asked for", async () => {
    const encode = async (list: readonly PictureRequest[]): Promise<ImageFeatures> => ({
      global: featuresOf(list).global,
    });
    const views = await openViewCache(options({ regions: 0, encode }));
    expect((await views.take([3], { local: true })).local).toBeUndefined();
    const { tensors } = readSafetensors(await readFile(join(await folderOf(), "00000.safetensors")));
    expect([...tensors.keys()]).toEqual(["global"]);
  });

  it("go on at the first missing shard after a stop", async () => {
    const stop = new AbortController();
    const encode: ViewCacheOptions["encode"] = async (list) => {
      if (encoded.push(list.length) === 3) stop.abort(new Error("killed"));
      stop.signal.throwIfAborted();
      return featuresOf(list);
    };
    await expect(openViewCache(options({ encode, signal: stop.signal }))).rejects.toThrow("killed");
    expect(await readdir(await folderOf())).toHaveLength(3);
    const progress: number[] = [];
    encoded = [];
    const views = await openViewCache(options({ onProgress: (done) => progress.push(done) }));
    expect(encoded).toEqual([88]);
    expect(progress.slice(0, 3)).toEqual([256, 512, 512]);
    expect(await views.take(all, { local: true })).toEqual(
      await viewsInMemory(featuresOf(requests)).take(all, { local: true }),
    );
    expect(notices).toEqual([]);
  });

  it("are rid of the half shard of a killed process", async () => {
    await openViewCache(options());
    const rest = join(await folderOf(), ".00001.safetensors.0123456789ab.tmp");
    await writeFile(rest, "half");
    await utimes(rest, 0, 0);
    await openViewCache(options());
    expect((await readdir(await folderOf())).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it.each([
    ["cut short", (path: string) => truncate(path, 4000), /00001\.safetensors is cut short; it is made again/],
    [
      "changed in one bit",
      async (path: string) => {
        const bytes = await readFile(path);
        bytes[bytes.length - 9]! ^= 1;
        await writeFile(path, bytes);
      },
      /00001\.safetensors is damaged/,
    ],
    ["gone", (path: string) => rm(path), /00001\.safetensors is missing/],
  ])("make a shard again that is %s", async (_, harm, notice) => {
    await openViewCache(options());
    const path = join(await folderOf(), "00001.safetensors");
    const before = await readFile(path);
    await harm(path);
    encoded = [];
    await openViewCache(options());
    expect(encoded).toEqual([256]);
    expect(notices).toEqual([expect.stringMatching(notice)]);
    expect(await readFile(path)).toEqual(before);
    encoded = [];
    await openViewCache(options());
    expect(encoded).toEqual([]);
  });

  it("are made again where the index is damaged", async () => {
    await openViewCache(options());
    await writeFile(join(await folderOf(), "index.json"), "{");
    await openViewCache(options());
    expect(encoded).toHaveLength(6);
    expect(notices).toEqual([expect.stringMatching(/index\.json is damaged; all of them are made again/)]);
  });

  it("are others under another key", async () => {
    await openViewCache(options());
    await openViewCache(options({ parts: { weights: "b" } }));
    await openViewCache(options({ requests: requests.slice(0, 599) }));
    expect(await readdir(dir)).toHaveLength(3);
    expect(encoded).toHaveLength(9);
  });

  it("say the picture whose features are not finite, or too large for float16, and keep what was made", async () => {
    const with16 =
      (value: number): ViewCacheOptions["encode"] =>
      async (list) => {
        const features = featuresOf(list);
        const at = list.findIndex(({ path }) => path === "/pictures/300.png");
        if (at >= 0) features.local!.data[at * regions * embedDim + 20] = value;
        return features;
      };
    const name = "the features of /pictures/300.png hold";
    await expect(openViewCache(options({ encode: with16(NaN) }))).rejects.toThrow(`${name} NaN`);
    await expect(openViewCache(options({ encode: with16(-Infinity) }))).rejects.toThrow(`${name} -Infinity`);
    await expect(openViewCache(options({ encode: with16(65520) }))).rejects.toThrow(
      `${name} 65520, but cached views keep float16, which ends at 65504`,
    );
    expect((await readdir(await folderOf())).sort()).toEqual(["00000.safetensors", "index.json"]);
    expect(notices).toEqual([]);
    await expect(openViewCache(options({ encode: with16(65504) }))).resolves.toBeDefined();
  });

  it("say that the disk is full, and go on when there is room", async () => {
    const write = files.writeWhole;
    const full = vi.spyOn(files, "writeWhole").mockImplementation((path, content) => {
      if (path.includes("00001")) return Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" }));
      return write(path, content);
    });
    await expect(openViewCache(options())).rejects.toThrow(/no space is left on the disk of .*--resume/);
    full.mockRestore();
    encoded = [];
    await openViewCache(options());
    expect(encoded).toEqual([256, 88]);
  });

  it("say what they need where that is not there", async () => {
    const huge = { requests: { length: 2 ** 40 } as unknown as PictureRequest[] };
    expect(() => planShards({ rows: 1, embedDim: 512, regions: 196 })).not.toThrow();
    await expect(
      openViewCache(options({ ...huge, requests: requests.slice(0, 3), embedDim: 2 ** 44 })),
    ).rejects.toThrow(/3 of them need \d+ MiB more in .* \d+ MiB are free/);
  });

  it("say that a file was taken away under the training", async () => {
    const views = await openViewCache(options());
    await rm(join(await folderOf(), "00000.safetensors"));
    await expect(views.take([0], { local: true })).rejects.toThrow(/cannot read .* \(ENOENT\); --resume/);
  });

  it("are cut by their sizes alone, at whole chunks", () => {
    expect(planShards({ rows: 300, embedDim: 512, regions: 196 }).map(({ rows }) => rows)).toEqual([128, 128, 44]);
    expect(planShards({ rows: 70, embedDim: 768, regions: 576 }).map(({ rows }) => rows)).toEqual([64, 6]);
    expect(planShards({ rows: 600, embedDim: 512, regions: 0 }).map(({ first }) => first)).toEqual([0, 256, 512]);
  });

  it("depend on what decides their bits, and on nothing else", () => {
    const config = {
      settings: { views: 4, crop: [0.5, 1], seed: 1, lambda: 0.25, epochs: 50, learningRate: 0.002 },
      model: { weights: "/a.safetensors", sha256: "a", activation: "gelu", mean: [0, 0, 0], std: [1, 1, 1] },
      engine: { engine: "tensorflow.js", backend: "wasm", versions: { tfjs: "1" } },
      machine: { arch: "x64", platform: "linux" },
      versions: { locoop: "1", "@locoop/clip": "1", sharp: "1", "@locoop/ood-metrics": "1", node: "20" },
      threads: 2,
      chunking: { pictures: 16 },
      data: { root: "/data", sha256: "b" },
      scores: ["mcm"],
    } as unknown as RunConfig;
    const parts = (change: object, local = true): string =>
      JSON.stringify(viewParts({ ...config, ...change }, { local }));
    const { settings, model, engine, machine, versions, data } = config;
    const same = parts({});
    for (const change of [
      { settings: { ...settings, lambda: 1, epochs: 1, learningRate: 1 } },
      { model: { ...model, weights: "/moved" } },
      { machine: { ...machine, platform: "darwin" } },
      { versions: { ...versions, node: "24", "@locoop/ood-metrics": "2" } },
      { data: { ...data, root: "/moved" } },
      { threads: 8, scores: [] },
    ])
      expect(parts(change)).toBe(same);
    const others = [
      parts({ settings: { ...settings, views: 5 } }),
      parts({ settings: { ...settings, crop: [0.4, 1] } }),
      parts({ settings: { ...settings, seed: 2 } }),
      parts({ model: { ...model, sha256: "c" } }),
      parts({ model: { ...model, activation: "quick_gelu" } }),
      parts({ model: { ...model, mean: [1, 0, 0] } }),
      parts({ model: { ...model, std: [1, 1, 2] } }),
      parts({ engine: { ...engine, versions: { tfjs: "2" } } }),
      parts({ machine: { ...machine, arch: "arm64" } }),
      ...["locoop", "@locoop/clip", "sharp"].map((name) => parts({ versions: { ...versions, [name]: "2" } })),
      parts({ chunking: { pictures: 8 } }),
      parts({ data: { ...data, sha256: "c" } }),
      parts({}, false),
    ];
    expect(new Set([same, ...others]).size).toBe(others.length + 1);
  });
});

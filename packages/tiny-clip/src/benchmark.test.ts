import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readConcepts } from "./assets.js";
import { drawBenchmark } from "./benchmark.js";
import { planBenchmark } from "./plan.js";
import { textureFamilies } from "./textures.js";

const small = { trainPerClass: 1, validationPerClass: 1, testPerClass: 1, ood: 7 };
let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "tiny-clip-test-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const readPixels = async (file: string): Promise<Buffer> => sharp(file).raw().toBuffer();
const listFiles = async (dir: string): Promise<string[]> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/")).sort();
};

describe("planBenchmark", () => {
  it("has 5,300 pictures by default sizes, every file name once", async () => {
    const concepts = await readConcepts();
    const plan = planBenchmark(concepts, { trainPerClass: 16, validationPerClass: 10, testPerClass: 20, ood: 500 });
    expect(plan).toHaveLength(50 * 46 + 4 * 500 + 2 * 500);
    expect(new Set(plan.map(({ file }) => file)).size).toBe(plan.length);
    expect(plan.every(({ file }) => /^[a-z0-9/ -]+\.png$/.test(file))).toBe(true);
  });

  it("lets concepts and texture families take turns", async () => {
    const concepts = await readConcepts();
    const plan = planBenchmark(concepts, { trainPerClass: 0, validationPerClass: 0, testPerClass: 0, ood: 500 });
    const scenes = plan.filter(({ file }) => file.startsWith("ood/scenes/"));
    const shown = scenes.map((picture) => ("concept" in picture ? picture.concept : ""));
    const counts = concepts.ood["scenes"]!.map((name) => shown.filter((other) => other === name).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBe(1);
    const textures = plan.filter((picture) => "texture" in picture);
    expect(textures).toHaveLength(500);
    expect(textures.every(({ file }) => file.startsWith("ood/textures/"))).toBe(true);
    expect(new Set(textures.map((picture) => "texture" in picture && picture.texture))).toEqual(
      new Set(textureFamilies),
    );
  });
});

describe("drawBenchmark", () => {
  it("writes class folders, OOD folders and the manifest", async () => {
    const dir = path.join(parent, "new", "emoji");
    let last = { done: 0, total: 0 };
    const { manifest, reused } = await drawBenchmark({ dir, seed: 1, ...small, onProgress: (p) => (last = p) });
    const { id } = await readConcepts();
    expect(reused).toBe(false);
    expect((await readdir(dir)).sort()).toEqual([
      "manifest.json",
      "near-ood",
      "never-named",
      "ood",
      "test",
      "train",
      "val",
    ]);
    for (const split of ["train", "val", "test"]) {
      expect((await readdir(path.join(dir, split))).sort()).toEqual([...id].sort());
    }
    const sets = (await readdir(path.join(dir, "ood"))).sort();
    expect(sets).toEqual(["plants-and-food", "scenes", "textures", "vehicles-and-things"]);
    for (const folder of [...sets.map((set) => `ood/${set}`), "near-ood", "never-named"]) {
      expect(await readdir(path.join(dir, folder))).toHaveLength(7);
    }
    const files = await listFiles(dir);
    expect(files).toHaveLength(150 + 6 * 7 + 1);
    expect(manifest.pictures).toBe(192);
    expect(last).toEqual({ done: 192, total: 192 });
    expect(JSON.parse(await readFile(path.join(dir, "manifest.json"), "utf8"))).toEqual(manifest);
    const { format, width, height, channels } = await sharp(path.join(dir, "test/fox/0000.png")).metadata();
    expect({ format, width, height, channels }).toEqual({ format: "png", width: 64, height: 64, channels: 3 });
    expect(await readdir(path.join(parent, "new"))).toEqual(["emoji"]);
  });

  it("gives the same pixels for the same seed, others for another", async () => {
    const dirs = ["a", "b", "c"].map((name) => path.join(parent, name));
    const sizes = { trainPerClass: 1, validationPerClass: 0, testPerClass: 0, ood: 6 };
    for (const [index, dir] of dirs.entries()) await drawBenchmark({ dir, seed: index === 2 ? 2 : 1, ...sizes });
    const files = (await listFiles(dirs[0]!)).filter((file) => file.endsWith(".png"));
    expect(files).toHaveLength(50 + 6 * 6);
    for (const file of files) {
      const [a, b, c] = await Promise.all(dirs.map((dir) => readPixels(path.join(dir, file))));
      expect({ file, same: b!.equals(a!), sameAsOtherSeed: c!.equals(a!) }).toEqual({
        file,
        same: true,
        sameAsOtherSeed: false,
      });
    }
  });

  it("does not change a picture when there are more of them", async () => {
    const [few, many] = [path.join(parent, "few"), path.join(parent, "many")];
    await drawBenchmark({ dir: few, seed: 4, trainPerClass: 1, validationPerClass: 0, testPerClass: 0, ood: 0 });
    await drawBenchmark({ dir: many, seed: 4, trainPerClass: 2, validationPerClass: 1, testPerClass: 0, ood: 0 });
    const file = "train/owl/0000.png";
    expect(await readPixels(path.join(many, file))).toEqual(await readPixels(path.join(few, file)));
  });

  it("reuses a folder with the same manifest and refuses one with another", async () => {
    const dir = path.join(parent, "emoji");
    await drawBenchmark({ dir, seed: 1, ...small });
    const file = path.join(dir, "test/fox/0000.png");
    await utimes(file, 1, 1);
    expect((await drawBenchmark({ dir, seed: 1, ...small })).reused).toBe(true);
    expect((await stat(file)).mtimeMs).toBe(1000);
    await expect(drawBenchmark({ dir, seed: 2, ...small })).rejects.toThrow(
      /other settings: choose another place or delete/,
    );
    await expect(drawBenchmark({ dir, seed: 1, ...small, mostClutter: 6 })).rejects.toThrow(/other settings/);
  });

  it("takes an empty folder, leaves foreign files alone", async () => {
    const empty = path.join(parent, "empty");
    await mkdir(empty);
    expect((await drawBenchmark({ dir: empty, seed: 1, ...small, ood: 1 })).reused).toBe(false);
    const foreign = path.join(parent, "foreign");
    await mkdir(foreign);
    await writeFile(path.join(foreign, "mine.txt"), "mine");
    await expect(drawBenchmark({ dir: foreign, seed: 1, ...small })).rejects.toThrow(/new or empty folder/);
    const file = path.join(foreign, "mine.txt");
    await expect(drawBenchmark({ dir: file, seed: 1, ...small })).rejects.toThrow(/found a file/);
    expect(await readdir(foreign)).toEqual(["mine.txt"]);
  });

  it("leaves nothing when it is aborted", async () => {
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }): void => {
      if (done === 20) stop.abort(new Error("enough"));
    };
    const dir = path.join(parent, "emoji");
    await expect(drawBenchmark({ dir, seed: 1, ...small, onProgress, signal: stop.signal })).rejects.toThrow("enough");
    expect(await readdir(parent)).toEqual([]);
  });

  it("never shows a half-drawn folder, and the next drawing clears what a killed one left", async () => {
    // a process that wrote a picture and was killed: its hidden folder carries its process id
    const dead = await new Promise<number>((resolve, reject) => {
      const child = execFile(process.execPath, ["-e", ""], (error) => (error ? reject(error) : resolve(child.pid!)));
    });
    const leftover = (pid: number): string => {
      return path.join(parent, `.emoji.partial-${hostname().replace(/[^\w.]/g, "_")}-${pid}-0badcafe`);
    };
    for (const pid of [dead, process.ppid]) await mkdir(path.join(leftover(pid), "train/fox"), { recursive: true });
    const dir = path.join(parent, "emoji");
    let seen = false;
    await drawBenchmark({
      dir,
      seed: 1,
      ...small,
      ood: 1,
      onProgress: () =>
        void stat(dir).then(
          () => (seen = true),
          () => undefined,
        ),
    });
    expect(seen).toBe(false);
    expect((await readdir(parent)).sort()).toEqual([path.basename(leftover(process.ppid)), "emoji"].sort());
  });

  it("survives two drawings of the same folder at once", async () => {
    const dir = path.join(parent, "emoji");
    const both = await Promise.all([1, 2].map(() => drawBenchmark({ dir, seed: 1, ...small, ood: 1 })));
    expect(both[0]!.manifest).toEqual(both[1]!.manifest);
    expect(await readdir(parent)).toEqual(["emoji"]);
    expect(await listFiles(dir)).toHaveLength(150 + 6 + 1);
  });

  it.each([{ trainPerClass: -1 }, { ood: 1.5 }, { testPerClass: Number.NaN }])("refuses %o", async (sizes) => {
    await expect(drawBenchmark({ dir: path.join(parent, "x"), seed: 1, ...sizes })).rejects.toThrow(
      /expected a whole number from 0 to/,
    );
    expect(await readdir(parent)).toEqual([]);
  });
});

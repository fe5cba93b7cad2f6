import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSplit, writeSplit } from "@locoop/datasets";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "./data.js";
import { importSplit } from "./import-split.js";
import { drawShots, resolveDraw } from "./shots.js";

const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/dassl/${name}`, import.meta.url));
const pictures = ["cat/1.png", "cat/2.png", "cat/3.png", "dog/1.png", "dog/2.png", "dog/ä b.png"];
let dir: string;

async function makeFolder(name: string, ...files: readonly (string | readonly [string, string])[]): Promise<string> {
  const root = join(dir, name);
  for (const file of files) {
    const [path, text] = typeof file === "string" ? [file, "x"] : file;
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}
const shown = (root: string, items: readonly { path: string; label: number }[]): string[] =>
  items.map(({ path, label }) => `${path.slice(root.length + 1)} ${label}`);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-import-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("a pickle of Dassl", () => {
  it.each([2, 3, 4, 5])("of protocol %i becomes a split that a training takes", async (protocol) => {
    const data = await makeFolder("pets", ...pictures);
    const { split, notices, trainable } = await importSplit({
      file: fixture(`protocol-${protocol}/shot_2-seed_1.pkl`),
      data,
    });
    expect({ notices, trainable }).toEqual({ notices: [], trainable: true });
    expect(split).toMatchObject({ root: data, classNames: ["cat", "dog"], shots: 2, seed: 1 });
    expect(shown(data, split.train)).toEqual(["cat/1.png 0", "cat/3.png 0", "dog/2.png 1", "dog/ä b.png 1"]);
    expect(shown(data, split.val)).toEqual(["cat/2.png 0", "dog/1.png 1"]);

    const path = join(dir, `split-${protocol}.json`);
    await writeSplit(path, split);
    const dataset = await openDataset(data, { split: "train" });
    const draw = await resolveDraw({ split: path }, dataset.root);
    expect(draw).toMatchObject({ shots: 2, seeds: [1] });
    const { items, rest, short } = drawShots(dataset, draw, { seed: 1, strict: true, path });
    expect([items.length, rest.length, short.length]).toEqual([4, 2, 0]);
  });

  it("has train alone for ImageNet, and test in preprocessed.pkl", async () => {
    const data = await makeFolder("pets", ...pictures);
    const few = await importSplit({ file: fixture("imagenet/shot_2-seed_1.pkl"), data });
    expect([few.split.train.length, few.split.val.length]).toEqual([4, 0]);
    const all = await importSplit({ file: fixture("preprocessed.pkl"), data });
    expect(shown(data, all.split.val)).toEqual(["dog/1.png 1"]);
    expect(all.split).not.toHaveProperty("shots");
  });

  it("is mapped into the ImageNet layout, in the order and by the names of its folders", async () => {
    const data = await makeFolder(
      "imagenet",
      ...["n01440764/1.JPEG", "n01443537/2.JPEG"].map((path) => `imagenet/images/train/${path}`),
      "imagenet/images/val/n01440764/3.JPEG",
      ["imagenet/classnames.txt", "n01440764 tench\nn01443537 goldfish\n"],
    );
    const at = "/home/author/data/imagenet/images";
    const train = [
      [`${at}/train/n01443537/2.JPEG`, 0, "gold fish"],
      [`${at}/train/n01440764/1.JPEG`, 1, "tench"],
    ];
    const file = join(dir, "shot_1-seed_7.json");
    await writeFile(file, JSON.stringify({ train, test: [[`${at}/val/n01440764/3.JPEG`, 1, "tench"]] }));
    const { split, notices, trainable } = await importSplit({ file, data });
    const root = join(data, "imagenet/images/train");
    expect(split).toMatchObject({ root, classNames: ["tench", "goldfish"], shots: 1, seed: 7, val: [] });
    expect(shown(root, split.train)).toEqual(["n01443537/2.JPEG 1", "n01440764/1.JPEG 0"]);
    expect(notices).toEqual([
      expect.stringContaining('"val": 1 pictures are left out'),
      expect.stringContaining(
        '1 of 2 classes have other names here, by which prompts are made ("gold fish" is "goldfish")',
      ),
    ]);
    expect(trainable).toBe(true);
    const below = await importSplit({ file, data, prefix: "/home/author/data" });
    expect(below.split.train).toEqual(split.train);
  });

  it("is refused where it asks for anything else, and nothing runs", async () => {
    const data = await makeFolder("pets", ...pictures);
    const file = fixture("hostile/shot_2-seed_1.pkl");
    const error = (await importSplit({ file, data }).catch((reason: unknown) => reason)) as Error;
    expect(error.message).toContain(file);
    expect(error.message).toMatch(/posix\.system.*refused/);
    expect(error.message).not.toContain("\n");
  });
});

describe("a list of JSON", () => {
  const list = async (name: string, value: unknown): Promise<string> => {
    const file = join(dir, name);
    await writeFile(file, typeof value === "string" ? value : JSON.stringify(value));
    return file;
  };

  it("of ours is taken over for another folder", async () => {
    const data = await makeFolder("pets", ...pictures);
    const file = join(dir, "ours.json");
    await writeSplit(file, {
      root: data,
      classNames: ["cat", "dog"],
      train: [
        { path: join(data, "cat/1.png"), label: 0 },
        { path: join(data, "dog/1.png"), label: 1 },
      ],
      seed: 4,
    });
    const moved = await makeFolder("moved", ...pictures);
    const { split, trainable } = await importSplit({ file, data: moved });
    expect(shown(moved, split.train)).toEqual(["cat/1.png 0", "dog/1.png 1"]);
    expect([split.seed, trainable]).toEqual([4, true]);
    await writeSplit(join(dir, "again.json"), split);
    expect((await readSplit(join(dir, "again.json"), { root: moved })).train).toEqual(split.train);
  });

  it("is kept as it stands where a training cannot use it, and says why", async () => {
    const rows = (...paths: readonly string[]) => paths.map((path, label) => [path, label, `class ${label}`]);
    const flat = await makeFolder("flat", "images/a_1.jpg", "images/b_2.jpg");
    const zhou = await list("split_zhou_Pets.json", { train: rows("a_1.jpg", "b_2.jpg"), val: [], test: [] });
    const first = await importSplit({ file: zhou, data: join(flat, "images") });
    expect(first.trainable).toBe(false);
    expect(first.notices).toEqual([
      expect.stringMatching(/^locoop train cannot use this split .*one folder per class/),
    ]);
    expect(shown(join(flat, "images"), first.split.train)).toEqual(["a_1.jpg 0", "b_2.jpg 1"]);
    await expect(importSplit({ file: zhou, data: flat })).rejects.toThrow(/they lie below .*images; name that folder/);

    const data = await makeFolder("pets", ...pictures);
    const some = await importSplit({ file: await list("some.json", rows("cat/1.png")), data });
    expect(some.notices[0]).toMatch(/has 2 class folders, the split 1; not in it: dog/);
    const mixed = await importSplit({ file: await list("mixed.json", rows("cat/1.png", "cat/2.png")), data });
    expect(mixed.notices[0]).toMatch(/two classes of the split lie in the folder cat/);
    const apart = [
      ["cat/1.png", 0, "pet"],
      ["dog/1.png", 0, "pet"],
      ["dog/2.png", 1, "dog"],
    ];
    const both = await importSplit({ file: await list("apart.json", apart), data });
    expect(both.notices[0]).toMatch(/the pictures of "pet" lie in two class folders, cat and dog/);
  });

  it.each([
    ["an empty file", "", "is empty"],
    ["a text", "hello", "is neither a pickle (of protocol 2 to 5) nor JSON"],
    ["a zip archive", "PK\u0003\u0004", "is a zip archive"],
    ["a cut pickle", "\u0080\u0004\u0095", "split.bin"],
    ["another version", '{"version": 3, "classNames": []}', "expected a split of version 1"],
  ])("is refused: %s", async (_, text, message) => {
    const data = await makeFolder("pets", ...pictures);
    const file = join(dir, "split.bin");
    await writeFile(file, Buffer.from(text, "latin1"));
    await expect(importSplit({ file, data })).rejects.toThrow(message);
  });

  it("names a file that is not there, and a folder", async () => {
    await expect(importSplit({ file: join(dir, "no.pkl"), data: dir })).rejects.toThrow("cannot read");
    await expect(importSplit({ file: dir, data: dir })).rejects.toThrow("is a folder; name a file in it");
  });
});

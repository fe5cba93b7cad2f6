import { cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Item, writeSplit } from "@locoop/datasets";
import sharp from "sharp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkPictures } from "./data.js";
import { withoutTrained } from "./trained-pictures.js";

let dir: string;
let root: string;
let sha256: string;
const places = ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"];
const trainedPlaces = ["cat/1.png", "dog/0.png"];
const itemsBelow = (folder: string, list = places): Item[] =>
  list.map((place) => ({ path: join(folder, place), label: place.startsWith("cat") ? 0 : 1 }));

async function drawBelow(folder: string, shade: number): Promise<void> {
  for (const [i, { path }] of itemsBelow(folder).entries()) {
    await mkdir(join(path, ".."), { recursive: true });
    const background = { r: shade, g: 10 * i, b: 0 };
    await sharp({ create: { width: 4, height: 4, channels: 3, background } })
      .png()
      .toFile(path);
  }
}
const run = () => ({ dir: join(dir, "run"), config: { data: { root, sha256 } } });
const restBelow = async (folder: string, list = places) => {
  const { items, trained, notices } = await withoutTrained(itemsBelow(folder, list), { root: folder, runs: [run()] });
  return { rest: items.map(({ path }) => relative(folder, path)), trained, notices };
};
const untrained = { rest: ["cat/0.png", "dog/1.png"], trained: 2, notices: [] };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-trained-"));
  root = join(dir, "train");
  await drawBelow(root, 0);
  const train = itemsBelow(root, trainedPlaces);
  ({ sha256 } = await checkPictures(train, { root }));
  await writeSplit(join(dir, "run/split.json"), { root, classNames: ["cat", "dog"], train });
});
afterEach(() => rm(dir, { recursive: true }));

it("leaves out what was trained on where it lay", async () => {
  expect(await restBelow(root)).toEqual(untrained);
});

it("leaves it out of a copy, a linked, a moved and a partly copied folder", async () => {
  await cp(root, join(dir, "copy"), { recursive: true });
  expect(await restBelow(join(dir, "copy"))).toEqual(untrained);
  await symlink(root, join(dir, "link"));
  expect(await restBelow(join(dir, "link"))).toEqual(untrained);
  await rm(join(dir, "copy/cat"), { recursive: true });
  expect(await restBelow(join(dir, "copy"), places.slice(2))).toEqual({ rest: ["dog/1.png"], trained: 1, notices: [] });
  await rename(root, join(dir, "moved"));
  expect(await restBelow(join(dir, "moved"))).toEqual(untrained);
});

it("keeps a test set that numbers its files as the training set did", async () => {
  const test = join(dir, "test");
  await drawBelow(test, 200);
  expect(await restBelow(test)).toEqual({ rest: places, trained: 0, notices: [] });
  await rm(root, { recursive: true });
  const { rest, notices } = await restBelow(test);
  expect(rest).toEqual(places);
  expect(notices).toEqual([expect.stringContaining("2 ID pictures have the class folder and file name")]);
  expect(notices[0]).toMatch(/these stay$/);
});

it("leaves out what it cannot tell apart, and says so", async () => {
  await rename(root, join(dir, "moved"));
  await rm(join(dir, "moved/cat"), { recursive: true });
  const { rest, trained, notices } = await restBelow(join(dir, "moved"), places.slice(2));
  expect([rest, trained]).toEqual([["dog/1.png"], 1]);
  expect(notices).toEqual([
    expect.stringMatching(/^1 ID pictures have .*no longer in .*train to compare, so these are left out/),
  ]);
});

it("says when a split cannot be read", async () => {
  await writeFile(join(dir, "run/split.json"), "{");
  const { rest, notices } = await restBelow(root);
  expect(rest).toEqual(places);
  expect(notices).toEqual([expect.stringMatching(/split\.json cannot be read, so that pictures .*\(expected JSON/)]);
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dataset } from "@locoop/datasets";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkPictures, relabel, thinOut } from "./data.js";

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "locoop-data-"))));
afterAll(() => rm(dir, { recursive: true }));

const dataset = (folders: string[], classNames = folders): Dataset => ({
  name: "test",
  root: "/test",
  classNames,
  folders,
  items: folders.map((folder, label) => ({ path: `/test/${folder}/1.png`, label })),
  warnings: [],
});
const classes = ["cat", "dog", "eel"].map((name, i) => ({ name, folder: `n${i}` }));

it("gives pictures the labels of a run, by name or by folder", () => {
  const labels = (set: Dataset): number[] => relabel(set, classes).map(({ label }) => label);
  expect(labels(dataset(["a", "b", "c"], ["cat", "dog", "eel"]))).toEqual([0, 1, 2]);
  expect(labels(dataset(["dog", "eel"]))).toEqual([1, 2]);
  expect(labels(dataset(["n1", "n2"], ["same", "same"]))).toEqual([1, 2]);
  expect(() => labels(dataset(["dog", "newt"]))).toThrow(/1 class folders that the run does not know \(newt\)/);
});

it("keeps two classes of one name apart by their folders", () => {
  const twins = ["n0", "n1"].map((folder) => ({ name: "missile", folder }));
  expect(relabel(dataset(["n0", "n1"], ["missile", "missile"]), twins).map(({ label }) => label)).toEqual([0, 1]);
  expect(relabel(dataset(["n1"], ["missile"]), twins).map(({ label }) => label)).toEqual([1]);
});

it("spreads a limit over a list", () => {
  const list = Array.from({ length: 10 }, (_, i) => i);
  expect(thinOut(list, 20)).toEqual(list);
  expect(thinOut(list, 4)).toEqual([0, 2, 5, 7]);
});

it("finds what cannot be decoded, and hashes what can: bytes, place and label", async () => {
  const good = join(dir, "good.png");
  const bad = join(dir, "bad.png");
  const picture = (red: number): Promise<Buffer> =>
    sharp({ create: { width: 4, height: 4, channels: 3, background: { r: red, g: 0, b: 0 } } })
      .png()
      .toBuffer();
  await writeFile(good, await picture(1));
  await writeFile(bad, "no picture");
  const check = (label: number) =>
    checkPictures(
      [
        { path: good, label },
        { path: bad, label: 0 },
      ],
      { root: dir },
    );
  const first = await check(0);
  expect(first.good.map(({ path }) => path)).toEqual([good]);
  expect(first.unreadable).toMatchObject([{ path: bad, error: expect.stringContaining("not a picture") as string }]);
  expect(first.unreadable[0]!.error).not.toContain(bad);
  const gone = await checkPictures([{ path: join(dir, "gone.png"), label: 0 }], { root: dir });
  expect(gone.unreadable[0]!.error).not.toContain("gone.png");
  expect((await check(0)).sha256).toBe(first.sha256);
  expect((await check(1)).sha256).not.toBe(first.sha256);
  await writeFile(good, await picture(2));
  expect((await check(0)).sha256).not.toBe(first.sha256);
});

import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  ensureFile,
  ensureFolder,
  readJson,
  removeLeftovers,
  sha256OfFile,
  sha256OfText,
  writeJson,
  writeWhole,
} from "./files.js";

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "locoop-files-"))));
afterAll(() => rm(dir, { recursive: true }));

it("writes whole files and leaves nothing else", async () => {
  const path = join(dir, "deep/er/file.txt");
  await writeWhole(path, "one");
  await writeWhole(path, "two");
  expect(await readFile(path, "utf8")).toBe("two");
  expect(await readdir(join(dir, "deep/er"))).toEqual(["file.txt"]);
});

it("leaves the old file and no rest when writing fails", async () => {
  const path = join(dir, "kept");
  await writeWhole(join(path, "inside"), "a folder where a file should go");
  await expect(writeWhole(path, "new")).rejects.toThrow();
  expect((await readdir(dir)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

it("removes what a killed process left half written, and nothing that another one writes now", async () => {
  const folder = join(dir, "killed");
  const [old, recent, theirs] = [".a.json.0123456789ab.tmp", ".a.json.ba9876543210.tmp", ".notes.tmp"];
  await writeWhole(join(folder, "a.json"), "{}");
  for (const name of [old, recent, theirs]) await writeFile(join(folder, name), "{");
  for (const name of [old, theirs]) await utimes(join(folder, name), 0, 0);
  await removeLeftovers(folder);
  expect((await readdir(folder)).sort()).toEqual([recent, theirs, "a.json"].sort());
  await removeLeftovers(join(dir, "not-there"));
});

it("reads JSON and says what is wrong", async () => {
  await writeJson(join(dir, "a.json"), { a: 1 });
  expect(await readJson(join(dir, "a.json"), "test")).toEqual({ a: 1 });
  await expect(readJson(join(dir, "none.json"), "test")).rejects.toThrow(/test: cannot read .*ENOENT/);
  await writeWhole(join(dir, "broken.json"), "{");
  await expect(readJson(join(dir, "broken.json"), "test")).rejects.toThrow(/is not JSON/);
});

it("tells files from folders", async () => {
  await writeWhole(join(dir, "file"), "");
  await expect(ensureFolder(join(dir, "file"), "data")).rejects.toThrow(/expected a folder/);
  await expect(ensureFolder(join(dir, "nowhere"), "data")).rejects.toThrow(/no such folder/);
  await expect(ensureFile(dir, "weights")).rejects.toThrow(/expected a file/);
  await expect(ensureFile(join(dir, "nothing"), "weights")).rejects.toThrow(/no such file/);
});

it("hashes files and texts alike", async () => {
  await writeWhole(join(dir, "hash"), "abc");
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2
  expect(await sha256OfFile(join(dir, "hash"))).toBe(abc);
  expect(sha256OfText("abc")).toBe(abc);
});

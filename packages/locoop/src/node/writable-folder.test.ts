import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureWritableFolder } from "./writable-folder.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-writable-"));
  await writeFile(join(dir, "file"), "kept");
});
afterAll(() => rm(dir, { recursive: true }));

it("takes a folder that is there, and one that can be made, and leaves nothing behind", async () => {
  await ensureWritableFolder(dir, "out");
  await ensureWritableFolder(join(dir, "a/b/c"), "out");
  expect(await readdir(dir)).toEqual(["file"]);
});

it("refuses a file, and a place below a file, in one line that names it", async () => {
  const file = join(dir, "file");
  await expect(ensureWritableFolder(file, "--out")).rejects.toThrow(
    `--out: expected a folder, but ${file} is a file; choose another place`,
  );
  await expect(ensureWritableFolder(join(file, "x/y"), "--out")).rejects.toThrow(
    `--out: cannot make the folder ${join(file, "x/y")}: ${file} is a file; choose another place`,
  );
});

it.skipIf(!existsSync("/dev/null"))("refuses a place below a device", async () => {
  await expect(ensureWritableFolder("/dev/null/x", "--out")).rejects.toThrow(/\/dev\/null is a file/);
});

it.skipIf(!existsSync("/proc/self"))("refuses a place where no folder can be made, root or not", async () => {
  await expect(ensureWritableFolder("/proc/locoop/x", "--out")).rejects.toThrow(
    /^--out: cannot write to \/proc\/locoop\/x \((ENOENT|EACCES|EPERM)\); choose another place$/,
  );
  await expect(ensureWritableFolder("/proc", "--out")).rejects.toThrow(/cannot write to \/proc /);
});

it("refuses a name that is too long", async () => {
  await expect(ensureWritableFolder(join(dir, "new", "n".repeat(300)), "--out")).rejects.toThrow(/ENAMETOOLONG/);
  expect(await readdir(dir)).toEqual(["file"]);
});

it("refuses a link to nowhere", async () => {
  const link = join(dir, "link");
  await symlink(join(dir, "nowhere/at/all"), link);
  await expect(ensureWritableFolder(link, "--out")).rejects.toThrow(/EEXIST/);
  await rm(link);
});

it("asks the system for permission, which root always has", async () => {
  const locked = join(dir, "locked");
  await mkdir(locked);
  await chmod(locked, 0o500);
  const answer = await ensureWritableFolder(join(locked, "x"), "--out").then(
    () => "allowed",
    (error: Error) => error.message,
  );
  expect(answer).toMatch(process.getuid?.() === 0 ? /^allowed$/ : /EACCES/);
});

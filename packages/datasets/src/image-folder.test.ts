import { symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder, removeFolders } from "../fixtures/folders.js";
import { DatasetError } from "./errors.js";
import { imageFolder } from "./image-folder.js";
import { listEntries, listPictures } from "./listing.js";

afterAll(removeFolders);
const below = (root: string, items: ReadonlyArray<{ path: string; label: number }>) =>
  items.map(({ path, label }) => `${label} ${relative(root, path).replaceAll("\\", "/")}`);

describe("imageFolder", () => {
  it("labels sorted folders, walks down in torchvision's order and leaves out what is no visible picture", async () => {
    const root = await makeFolder(
      ["notes.txt", "x"],
      "dog/b.JPEG",
      "dog/a.png",
      "dog/.hidden.png",
      ["dog/read.me", "x"],
      "dog/x/1.jpg",
      "dog/x-b/1.webp",
      ".git/a.png",
      "Cat/1.TIFF",
      "a_b/1.avif",
      "a_b/2.gif",
      "a_b/3.tif",
      "a_b/10.tif",
    );
    const dataset = await imageFolder(root, { name: "pets" });
    expect(dataset).toMatchObject({
      name: "pets",
      root,
      folders: ["Cat", "a_b", "dog"],
      classNames: ["Cat", "a_b", "dog"],
      warnings: [],
    });
    expect(below(root, dataset.items)).toEqual([
      "0 Cat/1.TIFF",
      "1 a_b/1.avif",
      "1 a_b/10.tif",
      "1 a_b/2.gif",
      "1 a_b/3.tif",
      "2 dog/a.png",
      "2 dog/b.JPEG",
      "2 dog/x/1.jpg",
      "2 dog/x-b/1.webp",
    ]);
  });

  it("follows links, stops at loops, and keeps a dangling link for the loader to name", async () => {
    const outside = await makeFolder("1.png");
    const root = await makeFolder("cat/1.png");
    await symlink(outside, join(root, "linked"));
    await symlink(join(root, "cat"), join(root, "cat", "again"));
    await symlink(join(root, "nowhere"), join(root, "cat", "gone.jpg"));
    expect(below(root, (await imageFolder(root)).items)).toEqual(["0 cat/1.png", "0 cat/gone.jpg", "1 linked/1.png"]);
  });

  it("warns of names that are the same in a prompt", async () => {
    const root = await makeFolder("sea_lion/1.png", "Sea lion/1.png", "cat/1.png");
    expect((await imageFolder(root)).warnings).toEqual([
      '2 classes are named "sea lion" (folders Sea lion, sea_lion): a prompt cannot tell them apart; give one of them another name if that matters',
    ]);
  });

  it("warns of a name without words", async () => {
    const root = await makeFolder("cat/1.png", "_/1.png", "__/1.png");
    const { warnings } = await imageFolder(root);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain("folder _ has a name without words");
  });

  it("warns when the classes are called train and val", async () => {
    const root = await makeFolder("train/cat/1.png", "val/cat/1.png");
    expect((await imageFolder(root)).warnings[0]).toContain("if these are parts of a data set, name one of them");
  });

  it("says in one line what is wrong", async () => {
    const root = await makeFolder("cat/1.png", "empty/", ["textual/a.txt", "x"], "flat/1.png");
    const message = async (path: string): Promise<string> => {
      const error: unknown = await imageFolder(path).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DatasetError);
      return (error as Error).message;
    };
    expect(await message(join(root, "no"))).toBe(
      `expected a folder at ${join(root, "no")}, found nothing: check the path`,
    );
    expect(await message(join(root, "cat/1.png"))).toContain("found a file: name the folder that holds it");
    expect(await message(join(root, "flat"))).toBe(
      `expected one folder per class in ${join(root, "flat")}, found 1 pictures and no folder: put the pictures of each class in a folder named after the class`,
    );
    expect(await message(join(root, "empty"))).toContain("found no folder");
    expect(await message(root)).toBe(
      `expected pictures in every class folder of ${root}, found none in empty, textual: add pictures or remove the folder`,
    );
  });

  it("names a folder it cannot list, and what the system says", async () => {
    const root = await makeFolder("cat/1.png");
    await expect(listEntries(join(root, "cat/1.png"))).rejects.toThrow(/cat\/1\.png, but the system says .*ENOTDIR/);
  });
});

describe("listPictures", () => {
  it("lists any folder, and refuses one without pictures", async () => {
    const root = await makeFolder("b.png", "a/c.jpg", "empty/");
    expect(below(root, await listPictures(root))).toEqual(["-1 b.png", "-1 a/c.jpg"]);
    await expect(listPictures(join(root, "empty"))).rejects.toThrow("found none: check the path or add pictures");
  });
});

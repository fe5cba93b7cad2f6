import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { warnNames } from "./dataset.js";
import type { Dataset } from "./dataset.js";
import { DatasetError, listSome, reasonOf } from "./errors.js";
import { collectClasses } from "./image-folder.js";
import { kindOf, listEntries, requireFolder } from "./listing.js";

/**
 * Options of `imageNet`: which `split`, and a file of class names where the data folder has no `classnames.txt`.
 *
 * @example
 * ```ts
 * import type { ImageNetOptions } from "@locoop/datasets";
 *
 * const options: ImageNetOptions = { split: "val", classNames: "lists/classnames.txt" };
 * console.log(options.split);
 * ```
 */
export interface ImageNetOptions {
  readonly split: "train" | "val";
  readonly classNames?: string;
}

/** Where the folders of a split may lie below the folder a user names: LoCoOp's data folder, its imagenet folder, or plain ImageNet. */
const places = [["images"], ["imagenet", "images"], [], ["imagenet"]] as const;

/** Where a split's class folders lie below a folder, if they do. */
export const findSplitFolder = (root: string, split: "train" | "val"): Promise<string | undefined> =>
  firstFolder(places.map((place) => join(root, ...place, split)));

/** A list of class names: one class a line, the folder, a blank, the name. */
export async function readClassNames(path: string): Promise<Map<string, string>> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new DatasetError(
      `expected a list of class names at ${path}, but the system says ${reasonOf(error)}: check the path`,
    );
  });
  const names = new Map<string, string>();
  text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .forEach((line, index) => {
      const [folder, ...words] = line.trim().split(/\s+/);
      if (folder === undefined || folder === "") return;
      const where = `line ${index + 1} of ${path}`;
      if (words.length === 0) {
        throw new DatasetError(
          `expected "folder name" in ${where}, found "${folder}" alone: write the class name after the folder`,
        );
      }
      if (names.has(folder)) {
        throw new DatasetError(
          `expected each folder once, found ${folder} again in ${where}: remove one of the two lines`,
        );
      }
      names.set(folder, words.join(" "));
    });
  return names;
}

export async function findClassNames(folders: readonly string[]): Promise<string> {
  const candidates = [...new Set(folders)].map((folder) => join(folder, "classnames.txt"));
  for (const path of candidates) if ((await kindOf(path)) === "file") return path;
  throw new DatasetError(
    `expected a list of class names at ${candidates.join(" or ")}, found none: put CoOp's classnames.txt there or name a list file`,
  );
}

/**
 * ImageNet as LoCoOp and CoOp lay it out: `images/{train,val}/<wnid>/` and `classnames.txt` ("wnid name with spaces" lines) in `root` or
 * `root/imagenet`. The label is the index of the folder among the sorted folder names.
 * Throws `DatasetError` when the split, the list or a folder's name is missing, or a class folder is empty. Names that several classes share,
 * and listed classes without a folder, are warnings.
 * Source: CoOp's `datasets/imagenet.py`.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { imageNet } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "imagenet-"));
 * await mkdir(join(root, "images/val/n01440764"), { recursive: true });
 * await writeFile(join(root, "images/val/n01440764/1.JPEG"), "");
 * await writeFile(join(root, "classnames.txt"), "n01440764 tench\n");
 * console.log((await imageNet(root, { split: "val" })).classNames[0]); // → tench
 * ```
 */
export async function imageNet(root: string, { split, classNames: list }: ImageNetOptions): Promise<Dataset> {
  const top = await requireFolder(root);
  const found = await findSplitFolder(top, split);
  if (found === undefined) {
    throw new DatasetError(
      `expected ImageNet's ${split} folders in ${join(top, "images", split)}, found no such folder: name the folder that holds images/${split}`,
    );
  }
  const path =
    list === undefined ? await findClassNames([top, join(top, "imagenet"), join(found, "..")]) : resolve(list);
  const names = await readClassNames(path);
  const { folders, items } = await collectClasses(found);
  const unnamed = folders.filter((folder) => !names.has(folder));
  if (unnamed.length > 0) {
    throw new DatasetError(
      `expected a name for every class folder in ${path}, found none for ${listSome(unnamed)}: add "folder name" lines or take the list that belongs to these folders`,
    );
  }
  const classNames = folders.map((folder) => names.get(folder) ?? folder);
  const warnings = warnNames(classNames, folders);
  if (names.size > folders.length) {
    const present = new Set(folders);
    const absent = [...names.keys()].filter((folder) => !present.has(folder));
    warnings.push(
      `${absent.length} of the ${names.size} listed classes have no folder in ${found} (${listSome(absent)}): labels count the ${folders.length} folders that are there`,
    );
  }
  return { name: "imagenet", root: found, classNames, folders, items, warnings };
}

async function firstFolder(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await kindOf(path)) === "folder") return path;
  return undefined;
}

/**
 * Whether a folder is laid out as ImageNet (`images/train` or `images/val`, in it or in its `imagenet` folder; or a `classnames.txt` beside
 * `train` or `val`) or as plain class folders.
 * Throws `DatasetError` when there is no such folder.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { detectLayout } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "data-"));
 * await mkdir(join(root, "cat"));
 * console.log(await detectLayout(root)); // → image-folder
 * ```
 */
export async function detectLayout(root: string): Promise<"image-folder" | "imagenet"> {
  const top = await requireFolder(root);
  for (const base of [top, join(top, "imagenet")]) {
    if ((await kindOf(base)) !== "folder") continue;
    for (const split of ["train", "val"]) {
      // A split holds folders; a class folder called "train" in a class folder called "images" holds pictures.
      const folder = join(base, "images", split);
      if ((await kindOf(folder)) === "folder" && (await listEntries(folder)).folders.length > 0) return "imagenet";
    }
    const plain = await firstFolder([join(base, "train"), join(base, "val")]);
    if (plain !== undefined && (await kindOf(join(base, "classnames.txt"))) === "file") return "imagenet";
  }
  return "image-folder";
}

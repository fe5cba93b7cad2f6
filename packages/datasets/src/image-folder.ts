import { basename, join, resolve } from "node:path";
import { mapBounded } from "./bounded.js";
import { warnNames } from "./dataset.js";
import type { Dataset, Item } from "./dataset.js";
import { DatasetError, listSome } from "./errors.js";
import { isPicture, listEntries, requireFolder, walkPictures } from "./listing.js";

/**
 * Options of `imageFolder`: `name` of the data set (the folder's name unless given).
 *
 * @example
 * ```ts
 * import type { ImageFolderOptions } from "@locoop/datasets";
 *
 * const options: ImageFolderOptions = { name: "pets" };
 * console.log(options.name);
 * ```
 */
export interface ImageFolderOptions {
  readonly name?: string;
}

/** Class folders and their pictures; the label is the index of the folder among the sorted folder names. */
export async function collectClasses(root: string): Promise<{ folders: string[]; items: Item[] }> {
  const { folders, files } = await listEntries(root);
  if (folders.length === 0) {
    const pictures = files.filter(isPicture).length;
    throw new DatasetError(
      `expected one folder per class in ${root}, found ${pictures === 0 ? "no folder" : `${pictures} pictures and no folder`}: ` +
        "put the pictures of each class in a folder named after the class",
    );
  }
  const paths = await mapBounded(folders, (folder) => walkPictures(join(root, folder)));
  const empty = folders.filter((_, label) => paths[label]?.length === 0);
  if (empty.length > 0) {
    throw new DatasetError(
      `expected pictures in every class folder of ${root}, found none in ${listSome(empty)}: add pictures or remove the folder`,
    );
  }
  return { folders, items: paths.flatMap((list, label) => list.map((path) => ({ path, label }))) };
}

const splitNames = new Set(["train", "training", "val", "valid", "validation", "test"]);

/** A data set's own train and val folders, taken for classes, is the usual slip: the walk goes down, so nothing else would say it. */
function warnSplitFolders(root: string, folders: readonly string[]): string[] {
  if (folders.length < 2 || !folders.every((folder) => splitNames.has(folder.toLowerCase()))) return [];
  return [
    `the class folders of ${root} are ${folders.join(", ")}: if these are parts of a data set, name one of them (${join(root, folders[0] ?? "")})`,
  ];
}

/**
 * A folder of class folders as a data set: class names are the folder names as they stand, labels count the sorted folders, pictures are
 * found at any depth, hidden files and files that are no pictures are left out. The order is that of torchvision's `ImageFolder`.
 * Throws `DatasetError` for a wrong path, no class folder, or an empty one.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { imageFolder } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "pets-"));
 * for (const pet of ["cat", "dog"]) {
 *   await mkdir(join(root, pet));
 *   await writeFile(join(root, pet, "1.jpg"), "");
 * }
 * const { classNames, items } = await imageFolder(root);
 * console.log(classNames.join(", "), items.length); // → cat, dog 2
 * ```
 */
export async function imageFolder(
  root: string,
  { name = basename(resolve(root)) }: ImageFolderOptions = {},
): Promise<Dataset> {
  const absolute = await requireFolder(root);
  const { folders, items } = await collectClasses(absolute);
  const warnings = [...warnNames(folders, folders), ...warnSplitFolders(absolute, folders)];
  return { name, root: absolute, classNames: folders, folders, items, warnings };
}

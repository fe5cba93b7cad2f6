import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import type { Item } from "./dataset.js";
import { DatasetError, reasonOf } from "./errors.js";

/**
 * Endings of the files that count as pictures, in lower case; upper and mixed case (`.JPEG`) count too.
 *
 * @example
 * ```ts
 * import { pictureExtensions } from "@locoop/datasets";
 *
 * console.log(pictureExtensions.includes(".webp")); // → true
 * ```
 */
export const pictureExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
];

/** Whether a file of this name counts as a picture. */
export const isPicture = (name: string): boolean => pictureExtensions.includes(extname(name).toLowerCase());

/** The visible folders and files of one folder, links followed, each list in code-unit order. */
export async function listEntries(folder: string): Promise<{ folders: string[]; files: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new DatasetError(
      `expected to list the folder ${folder}, but the system says ${reasonOf(error)}: check its permissions`,
    );
  });
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    // A dangling link counts as a file: whoever opens it then names it, instead of a picture going missing in silence.
    const kind = entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => undefined) : entry;
    if (kind?.isDirectory()) folders.push(entry.name);
    else if (kind === undefined || kind.isFile()) files.push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
}

/** The kind of what lies at a path. */
export async function kindOf(path: string): Promise<"folder" | "file" | "nothing"> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? "nothing" : found.isDirectory() ? "folder" : "file";
}

/** The absolute path of a folder that must exist. */
export async function requireFolder(path: string): Promise<string> {
  const absolute = resolve(path);
  const kind = await kindOf(absolute);
  if (kind === "folder") return absolute;
  throw new DatasetError(
    kind === "nothing"
      ? `expected a folder at ${absolute}, found nothing: check the path`
      : `expected a folder at ${absolute}, found a file: name the folder that holds it`,
  );
}

/**
 * Paths of all pictures at any depth below a folder, in the order of torchvision's `ImageFolder`
 * (`sorted(os.walk(...))`, then sorted file names).
 */
export async function walkPictures(root: string): Promise<string[]> {
  const found: Array<{ below: string; paths: string[] }> = [];
  const visit = async (folder: string, below: string, above: ReadonlySet<string>): Promise<void> => {
    const real = await realpath(folder);
    if (above.has(real)) return; // a link that leads back up
    const { folders, files } = await listEntries(folder);
    found.push({ below, paths: files.filter(isPicture).map((name) => join(folder, name)) });
    const inside = new Set(above).add(real);
    for (const name of folders) await visit(join(folder, name), below === "" ? name : `${below}/${name}`, inside);
  };
  await visit(root, "", new Set());
  found.sort((a, b) => (a.below < b.below ? -1 : a.below > b.below ? 1 : 0));
  return found.flatMap(({ paths }) => paths);
}

/**
 * All pictures at any depth below any folder, sorted, as items without a class (label -1).
 * Throws `DatasetError` when there is no such folder or no picture in it.
 *
 * @example
 * ```ts
 * import { mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { listPictures } from "@locoop/datasets";
 *
 * const folder = await mkdtemp(join(tmpdir(), "pictures-"));
 * await writeFile(join(folder, "a.JPEG"), "");
 * console.log((await listPictures(folder)).length); // → 1
 * ```
 */
export async function listPictures(folder: string): Promise<Item[]> {
  const root = await requireFolder(folder);
  const paths = await walkPictures(root);
  if (paths.length === 0) {
    throw new DatasetError(
      `expected pictures (${pictureExtensions.join(" ")}) in ${root}, found none: check the path or add pictures`,
    );
  }
  return paths.map((path) => ({ path, label: -1 }));
}

import { join } from "node:path";
import type { Item } from "./dataset.js";
import { DatasetError } from "./errors.js";
import { kindOf, listEntries, listPictures, requireFolder } from "./listing.js";

/**
 * A set of out-of-distribution pictures: its name in the tables, its folder, and its items (label -1).
 *
 * @example
 * ```ts
 * import type { OodSet } from "@locoop/datasets";
 *
 * const set: OodSet = { name: "SUN", root: "/data/SUN", items: [{ path: "/data/SUN/images/1.jpg", label: -1 }] };
 * console.log(set.items.length);
 * ```
 */
export interface OodSet {
  readonly name: string;
  readonly root: string;
  readonly items: readonly Item[];
}

/**
 * Number of pictures in each set of the paper's benchmark: ImageNet's validation set and the four subsets curated by Huang and Li
 * (CVPR 2021, arXiv:2105.01879; Texture is all 47 classes of DTD).
 *
 * @example
 * ```ts
 * import { expectedCounts } from "@locoop/datasets";
 *
 * console.log(expectedCounts.Texture); // → 5640
 * ```
 */
export const expectedCounts = {
  "imagenet/val": 50_000,
  iNaturalist: 10_000,
  SUN: 10_000,
  Places: 10_000,
  Texture: 5_640,
} as const;

/** The four sets in the order of the paper's table, each with the folders where it may lie: LoCoOp's layout first, then DTD as its archive unpacks. */
export const oodLayout: ReadonlyArray<{ name: keyof typeof expectedCounts; folders: readonly string[] }> = [
  { name: "iNaturalist", folders: ["iNaturalist"] },
  { name: "SUN", folders: ["SUN"] },
  { name: "Places", folders: ["Places"] },
  { name: "Texture", folders: ["Texture/images", "dtd/images", "Texture"] },
];

/**
 * Those of the four out-of-distribution sets that lie in a data folder, in the paper's order: `iNaturalist`, `SUN`, `Places`,
 * `Texture/images` (or `dtd/images`), pictures at any depth. A set without a folder is left out; none at all gives an empty list.
 * Throws `DatasetError` when there is no data folder, or a set's folder holds no picture.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { oodBenchmarks } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "data-"));
 * await mkdir(join(root, "SUN/images"), { recursive: true });
 * await writeFile(join(root, "SUN/images/1.jpg"), "");
 * for (const { name, items } of await oodBenchmarks(root)) console.log(name, items.length); // → SUN 1
 * ```
 */
export async function oodBenchmarks(root: string): Promise<OodSet[]> {
  const top = await requireFolder(root);
  const sets: OodSet[] = [];
  for (const { name, folders } of oodLayout) {
    const path = await findOodFolder(top, folders);
    if (path !== undefined) sets.push({ name, root: path, items: await listPictures(path) });
  }
  return sets;
}

/** The first of the places where a set may lie. */
export async function findOodFolder(root: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if ((await kindOf(join(root, folder))) === "folder") return join(root, folder);
  return undefined;
}

/**
 * Every folder in a folder as a set of its own, sorted by name, pictures at any depth: for out-of-distribution sets of your own.
 * Throws `DatasetError` when there is no such folder, no folder in it, or one without pictures.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { pictureSets } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "ood-"));
 * await mkdir(join(root, "plants"));
 * await writeFile(join(root, "plants", "1.png"), "");
 * console.log((await pictureSets(root)).map(({ name }) => name).join(", ")); // → plants
 * ```
 */
export async function pictureSets(root: string): Promise<OodSet[]> {
  const top = await requireFolder(root);
  const { folders } = await listEntries(top);
  if (folders.length === 0) {
    throw new DatasetError(
      `expected one folder per set in ${top}, found no folder: put the pictures of each set in a folder named after it`,
    );
  }
  const sets: OodSet[] = [];
  for (const name of folders) sets.push({ name, root: join(top, name), items: await listPictures(join(top, name)) });
  return sets;
}

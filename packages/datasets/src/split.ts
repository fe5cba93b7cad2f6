import { access, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { mapBounded } from "./bounded.js";
import type { Item } from "./dataset.js";
import { DatasetError, listSome, reasonOf } from "./errors.js";
import { requireFolder } from "./listing.js";

/**
 * Which pictures serve what: absolute paths here, relative to `root` in the file. `shots` and `seed` say how it was drawn, where it was.
 *
 * @example
 * ```ts
 * import type { Split } from "@locoop/datasets";
 *
 * const split: Split = {
 *   version: 1,
 *   root: "/data/pets",
 *   classNames: ["cat"],
 *   train: [{ path: "/data/pets/cat/1.jpg", label: 0 }],
 *   val: [],
 *   calibration: [],
 * };
 * console.log(split.train.length);
 * ```
 */
export interface Split {
  readonly version: 1;
  readonly root: string;
  readonly classNames: readonly string[];
  readonly train: readonly Item[];
  readonly val: readonly Item[];
  readonly calibration: readonly Item[];
  readonly shots?: number;
  readonly seed?: number;
}

/**
 * A split to write: lists left out are empty.
 *
 * @example
 * ```ts
 * import type { SplitDraft } from "@locoop/datasets";
 *
 * const draft: SplitDraft = { root: "/data/pets", classNames: ["cat"], train: [] };
 * console.log(draft.classNames);
 * ```
 */
export type SplitDraft = Pick<Split, "root" | "classNames" | "train"> & Partial<Split>;

const lists = ["train", "val", "calibration"] as const;

/** The path of an item as the file states it: below the root, with forward slashes on every system. */
function toStored(root: string, path: string): string {
  const below = relative(root, resolve(root, path));
  if (below === "" || below === ".." || below.startsWith(`..${sep}`) || isAbsolute(below)) {
    throw new DatasetError(
      `expected every picture below ${root}, got ${path}: name a root that holds all pictures of the split`,
    );
  }
  return below.split(sep).join("/");
}

let writes = 0;

/**
 * Writes a split as JSON, one picture a line, paths relative to its root; the file appears whole or not at all.
 * Throws `DatasetError` for a picture outside the root, a label without a class, or a place that cannot be written.
 *
 * @example
 * ```ts
 * import { mkdtemp, readFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { writeSplit } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "pets-"));
 * const path = join(root, "split.json");
 * await writeSplit(path, { root, classNames: ["cat"], train: [{ path: join(root, "cat/1.jpg"), label: 0 }] });
 * console.log(await readFile(path, "utf8"));
 * ```
 */
export async function writeSplit(path: string, draft: SplitDraft): Promise<void> {
  const root = resolve(draft.root);
  const { classNames, shots, seed } = draft;
  const field = (name: string, value: unknown): string[] =>
    value === undefined ? [] : [`  ${JSON.stringify(name)}: ${JSON.stringify(value)}`];
  const list = (name: (typeof lists)[number]): string => {
    const rows = (draft[name] ?? []).map((item) => {
      requireLabel(item.label, classNames.length, item.path);
      return `    ${JSON.stringify({ path: toStored(root, item.path), label: item.label })}`;
    });
    return `  ${JSON.stringify(name)}: [${rows.length === 0 ? "" : `\n${rows.join(",\n")}\n  `}]`;
  };
  const fields = [
    ...field("version", 1),
    ...field("shots", shots),
    ...field("seed", seed),
    ...field("classNames", classNames),
    ...lists.map(list),
  ];
  await writeWhole(path, `{\n${fields.join(",\n")}\n}\n`);
}

/** Writes beside the target, then renames: a reader sees the old file or the new one, never a part. */
async function writeWhole(path: string, text: string): Promise<void> {
  const target = resolve(path);
  const partial = `${target}.${process.pid}.${writes++}.tmp`;
  try {
    await mkdir(dirname(target), { recursive: true });
    const file = await open(partial, "wx");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    throw new DatasetError(
      `expected to write the split ${target}, but the system says ${reasonOf(error)}: choose a place that can be written`,
    );
  }
}

function requireLabel(label: unknown, classes: number, where: string): number {
  if (typeof label === "number" && Number.isInteger(label) && label >= 0 && label < classes) return label;
  throw new DatasetError(
    `expected a label from 0 to ${classes - 1}, got ${JSON.stringify(label)} of ${where}: give a class name for every label`,
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A stored path as an absolute one; a file from elsewhere must not reach outside the root that its reader names. */
function fromStored(root: string, stored: unknown, file: string): string {
  const safe =
    typeof stored === "string" &&
    stored !== "" &&
    !/[\\\0]|^[A-Za-z]:/.test(stored) &&
    stored.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!safe) {
    throw new DatasetError(
      `expected paths relative to the root with forward slashes, got ${JSON.stringify(stored)} in ${file}: such a path is refused; correct the split`,
    );
  }
  return join(root, stored);
}

/**
 * Reads a split and resolves its paths below `root`, the folder that holds the pictures on this machine.
 * Throws `DatasetError` for a file that is no split, another version, a label without a class, a path that leaves the root, or (unless
 * `checkFiles` is false) pictures that are not there.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { readSplit, writeSplit } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "pets-"));
 * await mkdir(join(root, "cat"));
 * await writeFile(join(root, "cat/1.jpg"), "");
 * await writeSplit(join(root, "split.json"), { root, classNames: ["cat"], train: [{ path: join(root, "cat/1.jpg"), label: 0 }] });
 * console.log((await readSplit(join(root, "split.json"), { root })).train.length); // → 1
 * ```
 */
export async function readSplit(
  path: string,
  { root, checkFiles = true }: { root: string; checkFiles?: boolean },
): Promise<Split> {
  const base = await requireFolder(root);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new DatasetError(`expected a split at ${path}, but the system says ${reasonOf(error)}: check the path`);
  });
  const parsed = parseJson(text, path);
  if (!isRecord(parsed)) {
    throw new DatasetError(`expected a split (a JSON object) in ${path}, got something else: check the path`);
  }
  if (parsed.version !== 1) {
    throw new DatasetError(
      `expected a split of version 1 in ${path}, got ${JSON.stringify(parsed.version)}: write it again with this version of @locoop/datasets`,
    );
  }
  const { classNames, shots, seed } = parsed;
  if (!Array.isArray(classNames) || !classNames.every((name) => typeof name === "string")) {
    throw new DatasetError(
      `expected "classNames" to be a list of names in ${path}, got something else: correct the split`,
    );
  }
  const items = (name: (typeof lists)[number]): Item[] => {
    const rows: unknown = parsed[name] ?? (name === "train" ? undefined : []);
    if (!Array.isArray(rows)) {
      throw new DatasetError(
        `expected "${name}" to be a list of pictures in ${path}, got something else: correct the split`,
      );
    }
    return rows.map((row: unknown, index) => {
      const { path: stored, label } = isRecord(row) ? row : {};
      return {
        path: fromStored(base, stored, path),
        label: requireLabel(label, classNames.length, `"${name}" ${index} in ${path}`),
      };
    });
  };
  const split: Split = {
    version: 1,
    root: base,
    classNames,
    train: items("train"),
    val: items("val"),
    calibration: items("calibration"),
    ...(typeof shots === "number" && { shots }),
    ...(typeof seed === "number" && { seed }),
  };
  if (checkFiles) await requireFiles(split, path);
  return split;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DatasetError(`expected JSON in ${path}, got text that is none: check the path, or write the split again`);
  }
}

async function requireFiles(split: Split, path: string): Promise<void> {
  const paths = [...new Set(lists.flatMap((name) => split[name].map((item) => item.path)))];
  const present = await mapBounded(paths, (file) =>
    access(file).then(
      () => true,
      () => false,
    ),
  );
  const missing = paths.filter((_, index) => !present[index]);
  if (missing.length === 0) return;
  const names = missing.map((file) => relative(split.root, file));
  throw new DatasetError(
    `expected the ${paths.length} pictures of ${path} below ${split.root}, found ${missing.length} missing (${listSome(names)}): check the root or restore them`,
  );
}

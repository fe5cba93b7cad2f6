import { join, relative } from "node:path";
import { findAbsent, findPrefix, splitPath } from "./author-paths.js";
import type { Item } from "./dataset.js";
import { DatasetError, listSome } from "./errors.js";
import { requireFolder } from "./listing.js";
import type { Split } from "./split.js";

/**
 * Options of `fromDasslSplit`: `root` is the folder of the pictures on this machine; `prefix` the author's folder that is `root` here (found by
 * trying unless given); `file` the name of the file in errors, from which `shot_16-seed_1.pkl` says shots and seed; `checkFiles: false` looks
 * for no picture and needs `prefix` (`""` for paths that are relative to `root` already).
 *
 * @example
 * ```ts
 * import type { DasslSplitOptions } from "@locoop/datasets";
 *
 * const options: DasslSplitOptions = { root: "/data", file: "split_fewshot/shot_16-seed_1.pkl", prefix: "/home/author/data" };
 * console.log(options.root);
 * ```
 */
export interface DasslSplitOptions {
  readonly root: string;
  readonly file?: string;
  readonly prefix?: string;
  readonly checkFiles?: boolean;
}

/**
 * What `fromDasslSplit` returns: the `split`, and `notices` in plain words about what is unusual or was left out.
 *
 * @example
 * ```ts
 * import type { ImportedSplit } from "@locoop/datasets";
 *
 * const split = { version: 1, root: "/data", classNames: ["cat"], train: [], val: [], calibration: [] } as const;
 * const imported: ImportedSplit = { split, notices: [] };
 * console.log(imported.notices.length);
 * ```
 */
export interface ImportedSplit {
  readonly split: Split;
  readonly notices: readonly string[];
}

/** One picture as the file states it. */
interface Row {
  readonly segments: readonly string[];
  readonly label: number;
  readonly name: string;
}

/** The fields of a dictionary, whether it came from a pickle (a `Map`) or from JSON. */
const fieldOf = (value: unknown, key: string): unknown =>
  value instanceof Map
    ? (value as Map<unknown, unknown>).get(key)
    : typeof value === "object" && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : undefined;

/** The lists in a file: `{ train, val, test }` as a `Map` or an object, or one bare list. */
function listsOf(value: unknown, file: string): Array<[name: string, rows: readonly unknown[]]> {
  if (Array.isArray(value)) return [["train", value]];
  const train = fieldOf(value, "train");
  if (!Array.isArray(train)) {
    throw new DatasetError(
      `expected a dictionary with the list "train", or one list of pictures, in ${file}, got ${kindOfValue(train === undefined ? value : train)}: import a split_fewshot pickle, preprocessed.pkl or a split_zhou JSON`,
    );
  }
  const lists: Array<[string, readonly unknown[]]> = [["train", train]];
  for (const name of ["val", "test"]) {
    const rows = fieldOf(value, name);
    if (rows === undefined || rows === null) continue;
    if (!Array.isArray(rows)) {
      throw new DatasetError(`expected "${name}" to be a list of pictures in ${file}, got ${kindOfValue(rows)}`);
    }
    lists.push([name, rows]);
  }
  return lists;
}

const nameOfKey = (key: unknown): string => (typeof key === "object" && key !== null ? "(object)" : String(key));

function kindOfValue(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Map)
    return `a dictionary with the keys ${listSome([...value.keys()].map(nameOfKey)) || "(none)"}`;
  if (typeof value === "object") return `an object with the keys ${listSome(Object.keys(value)) || "(none)"}`;
  const plain = ["string", "number", "boolean", "bigint"].includes(typeof value);
  return plain
    ? `${typeof value} ${(value as string | number | boolean | bigint).toString().slice(0, 60)}`
    : typeof value;
}

/** One entry: a `Datum` (an inert object whose state holds `_impath`, `_label`, `_classname`) or a list `[path, label, name]`. */
function readRow(entry: unknown, where: string): Row {
  let [path, label, name]: unknown[] = [];
  if (Array.isArray(entry)) {
    if (entry.length !== 3) {
      throw new DatasetError(`expected [path, label, class name] at ${where}, got a list of ${entry.length}`);
    }
    [path, label, name] = entry as unknown[];
  } else {
    const state = fieldOf(entry, "state") ?? entry;
    const read = (key: string): unknown => fieldOf(state, `_${key}`) ?? fieldOf(state, key);
    [path, label, name] = [read("impath"), read("label"), read("classname")];
    if (path === undefined) {
      throw new DatasetError(
        `expected a Datum with _impath, _label and _classname, or [path, label, class name], at ${where}, got ${kindOfValue(state)}`,
      );
    }
  }
  if (typeof label !== "number" || !Number.isInteger(label) || label < 0 || label > 0xffff_ff) {
    throw new DatasetError(`expected a label that is a whole number from 0 at ${where}, got ${kindOfValue(label)}`);
  }
  if (typeof name !== "string" || name.trim() === "") {
    throw new DatasetError(`expected a class name at ${where}, got ${kindOfValue(name)}`);
  }
  return { segments: splitPath(path, where), label, name };
}

/** Class names by label over all lists; every label must have one name, and every label up to the highest must occur. */
function namesOf(lists: ReadonlyArray<readonly [string, readonly Row[]]>, file: string): string[] {
  const names = new Map<number, string>();
  let most = -1;
  for (const [list, rows] of lists) {
    rows.forEach(({ label, name }, index) => {
      const known = names.get(label);
      if (known !== undefined && known !== name) {
        throw new DatasetError(
          `expected one name for each label in ${file}, got "${known.slice(0, 80)}" and "${name.slice(0, 80)}" for label ${label} (second at "${list}" ${index}): the file is damaged or was put together from two data sets`,
        );
      }
      names.set(label, name);
      most = Math.max(most, label);
    });
  }
  const absent: number[] = [];
  for (let label = 0; label <= most && absent.length < 6; label++) if (!names.has(label)) absent.push(label);
  if (absent.length > 0) {
    throw new DatasetError(
      `expected pictures of every label from 0 to ${most} in ${file}, found none of ${listSome(absent.map(String))}: their names are unknown; import the whole split`,
    );
  }
  return Array.from({ length: most + 1 }, (_, label) => names.get(label) as string);
}

/** Shots and seed as Dassl writes them into the name of the file. */
function readName(file: string): { shots?: number; seed?: number } {
  const found = /(?:^|[\\/])shot_(\d{1,6})[^\\/]*?-seed_(-?\d{1,15})\.\w+$/.exec(file);
  if (found === null) return {};
  const [shots, seed] = [Number(found[1]), Number(found[2])];
  // Dassl's seed below zero means that no seed was set.
  return { ...(shots > 0 && { shots }), ...(seed >= 0 && { seed }) };
}

function checkShots(
  train: readonly Row[],
  names: readonly string[],
  shots: number | undefined,
  file: string,
): string[] {
  if (shots === undefined) return [];
  const counts = names.map(() => 0);
  for (const { label } of train) counts[label] = (counts[label] ?? 0) + 1;
  const over = counts.flatMap((count, label) => (count > shots ? [`${names[label]} (${count})`] : []));
  if (over.length > 0) {
    throw new DatasetError(
      `expected at most ${shots} pictures of a class, as the name of ${file} says, got more of ${listSome(over)}: the file was renamed or changed; give it the name of its real number of shots, or one without`,
    );
  }
  const under = counts.flatMap((count, label) => (count < shots ? [`${names[label]} (${count})`] : []));
  return under.length === 0 ? [] : [`classes with fewer than ${shots} pictures: ${listSome(under)}`];
}

/**
 * A split of Dassl, CoOp or LoCoOp as a `Split`: the value of `split_fewshot/shot_16-seed_1.pkl` or `preprocessed.pkl` as an unpickler that
 * runs nothing returns it (dictionaries as `Map`, `Datum` objects as `{ state: Map }`), the JSON of `split_zhou_*.json` (`{ train, val, test }`
 * of `[path, label, name]`), or one such list.
 * The author's absolute paths are mapped below `root`: the longest end of them that is there for all pictures of a list, or what follows `prefix`.
 * `test` becomes `val` where there is none, as in the reference for ImageNet. A list other than `train` whose pictures are not below `root` is left out
 * and named in `notices`.
 * Throws `DatasetError` for a value of another form, labels with two names or none, paths with `..` or NUL, a picture of two classes, two places that
 * both hold the pictures, missing pictures, and more pictures of a class than the name of the file says.
 * Source: CoOp's `datasets/imagenet.py` and `oxford_pets.py`, Dassl's `base_dataset.py`.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { fromDasslSplit } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "pets-"));
 * await mkdir(join(root, "cat"));
 * await writeFile(join(root, "cat/1.jpg"), "");
 * const value = { train: [["/home/author/pets/cat/1.jpg", 0, "cat"]] };
 * const { split } = await fromDasslSplit(value, { root, file: "shot_1-seed_3.json" });
 * console.log(split.classNames.join(), split.shots, split.seed, split.train[0]?.path === join(root, "cat/1.jpg")); // → cat 1 3 true
 * ```
 */
export async function fromDasslSplit(
  value: unknown,
  { root, file = "the split", prefix, checkFiles = true }: DasslSplitOptions,
): Promise<ImportedSplit> {
  const base = await requireFolder(root);
  const lists = listsOf(value, file).map(
    ([name, entries]) => [name, entries.map((entry, i) => readRow(entry, `"${name}" ${i} of ${file}`))] as const,
  );
  const rowsOf = (name: string): readonly Row[] => lists.find(([list]) => list === name)?.[1] ?? [];
  if (rowsOf("train").length === 0) {
    throw new DatasetError(`expected pictures in "train" of ${file}, got none: import a split that has some`);
  }
  const classNames = namesOf(lists, file);
  const said = readName(file);
  const notices = checkShots(rowsOf("train"), classNames, said.shots, file);
  const wanted = prefix === undefined ? undefined : splitPath(prefix === "" ? "." : prefix, "the prefix");
  const place = async (name: string): Promise<Item[]> => {
    const rows = rowsOf(name);
    const strip = await findPrefix(
      rows.map(({ segments }) => segments),
      { root: base, file, prefix: wanted, probe: checkFiles },
    );
    const items = rows.map(({ segments, label }) => ({ path: join(base, ...segments.slice(strip)), label }));
    if (checkFiles) await requirePictures(items, { root: base, file });
    return items;
  };
  const train = await place("train");
  checkClasses(train, classNames, { root: base, file });
  const other = rowsOf("val").length > 0 ? "val" : "test";
  const val = await place(other).catch((error: unknown) => {
    if (!(error instanceof DatasetError)) throw error;
    notices.push(`"${other}" (${rowsOf(other).length}) is left out: ${error.message}`);
    return [];
  });
  if (other === "val" && rowsOf("test").length > 0) {
    notices.push(`"test" (${rowsOf("test").length}) is left out: a split holds what a training uses`);
  }
  const inTrain = new Set(train.map(({ path }) => path));
  const repeated = train.length - inTrain.size;
  if (repeated > 0) notices.push(`"train" repeats pictures ${repeated} times, as Dassl does in small classes`);
  const shared = val.filter(({ path }) => inTrain.has(path)).map(({ path }) => relative(base, path));
  if (shared.length > 0) notices.push(`pictures both in "train" and in "${other}": ${listSome(shared)}`);
  return { split: { version: 1, root: base, classNames, train, val, calibration: [], ...said }, notices };
}

async function requirePictures(items: readonly Item[], { root, file }: { root: string; file: string }): Promise<void> {
  const absent = new Set(await findAbsent(items.map(({ path }) => path)));
  if (absent.size === 0) return;
  const missing = items.filter(({ path }) => absent.has(path)).map(({ path }) => relative(root, path));
  throw new DatasetError(
    `expected the ${items.length} pictures of ${file} below ${root}, found ${missing.length} missing (${listSome(missing)}): restore them, or name the folder that holds them`,
  );
}

function checkClasses(
  items: readonly Item[],
  names: readonly string[],
  { root, file }: { root: string; file: string },
): void {
  const labels = new Map<string, number>();
  for (const { path, label } of items) {
    const known = labels.get(path) ?? label;
    if (known !== label) {
      throw new DatasetError(
        `expected one class for each picture in ${file}, got "${names[known]}" and "${names[label]}" for ${relative(root, path)}: correct the file`,
      );
    }
    labels.set(path, label);
  }
}

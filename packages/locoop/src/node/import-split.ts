import { readFile, stat } from "node:fs/promises";
import { relative, sep } from "node:path";
import { unpickle } from "@locoop/clip";
import {
  type Dataset,
  DatasetError,
  fromDasslSplit,
  type ImportedSplit,
  type Item,
  readSplit,
  type Split,
} from "@locoop/datasets";
import { openDataset } from "./data.js";
import { drawListed } from "./draw-listed.js";

/**
 * What `importSplit` is asked for: the `file` (a `split_fewshot` pickle, `preprocessed.pkl`, a `split_zhou` JSON or a split.json), the data
 * folder `data`, and the author's folder that it stands for (`prefix`; found by trying unless given). With `shots`, so many of each class are drawn
 * from `train` by `seed` (1 unless given), as the reference draws from the lists of such a file.
 *
 * @example
 * ```ts
 * import type { ImportSplitOptions } from "locoop/node";
 *
 * const options: ImportSplitOptions = { file: "split_fewshot/shot_16-seed_1.pkl", data: "data" };
 * console.log(options.data);
 * ```
 */
export interface ImportSplitOptions {
  readonly file: string;
  readonly data: string;
  readonly prefix?: string;
  readonly shots?: number;
  readonly seed?: number;
}

/**
 * What `importSplit` returns: the `split`, `notices` in plain words, and whether a training on this data folder can use it.
 *
 * @example
 * ```ts
 * import type { SplitImport } from "locoop/node";
 *
 * const split = { version: 1, root: "/data", classNames: ["cat"], train: [], val: [], calibration: [] } as const;
 * const imported: SplitImport = { split, notices: [], trainable: true };
 * console.log(imported.trainable);
 * ```
 */
export interface SplitImport extends ImportedSplit {
  readonly trainable: boolean;
}

// A pickle of all of ImageNet's paths has some 1.3 million of them; of few-shot pictures, some thousands.
const MOST_BYTES = 512 * 2 ** 20;
const limits = { pickleBytes: MOST_BYTES, opcodes: 100_000_000, memo: 16_000_000, parts: 64_000_000 };

/** A file's value, its kind told by its content: a pickle begins with 0x80, a list of JSON with a bracket. Nothing in it is run. */
async function readValue(file: string): Promise<unknown> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`split: cannot read ${file} (${error.code}); check the path`);
  });
  if (!found.isFile()) throw new Error(`split: expected a file, but ${file} is a folder; name a file in it`);
  if (found.size > MOST_BYTES)
    throw new Error(
      `split: ${file} has ${found.size} bytes, expected at most ${MOST_BYTES}; this is no list of pictures`,
    );
  const bytes = await readFile(file);
  if (bytes.length === 0) throw new Error(`split: ${file} is empty; get it again`);
  if (bytes[0] === 0x80) return unpickle(bytes, { dialect: "split", name: file, ...limits }).value;
  if (bytes[0] === 0x50 && bytes[1] === 0x4b)
    throw new Error(`split: ${file} is a zip archive, such as a model; expected a pickle of Dassl or a list of JSON`);
  try {
    return JSON.parse(bytes.toString("utf8").replace(/^\uFEFF/, "")) as unknown;
  } catch {
    throw new Error(`split: ${file} is neither a pickle (of protocol 2 to 5) nor JSON; get it again`);
  }
}

/**
 * Reads a split of Dassl, CoOp or LoCoOp and makes it one that `trainRuns` takes: pictures below the folder that a training reads, classes in the
 * order and by the names that this folder has. A pickle is read by an allow-list and never run. Where the folder's classes are not
 * the split's, the split is returned as it stands and a notice says what keeps a training from it.
 * Throws for a file of another kind, a pickle that asks for anything but lists, dictionaries and `Datum`, and what `fromDasslSplit` refuses.
 *
 * @example
 * ```ts
 * import { importSplit } from "locoop/node";
 *
 * try {
 *   const { split, notices } = await importSplit({ file: "split_fewshot/shot_16-seed_1.pkl", data: "data" });
 *   console.log(split.shots, split.train.length, notices);
 * } catch (error) {
 *   console.log((error as Error).message); // one line: what came, what was expected
 * }
 * ```
 */
export async function importSplit({ shots, seed = 1, ...options }: ImportSplitOptions): Promise<SplitImport> {
  const imported = await importWhole(options);
  if (shots === undefined) return imported;
  const { split, notices } = imported;
  const { items, short } = drawListed({ classNames: split.classNames, items: split.train }, { shots, seed });
  const few = `classes with fewer than ${shots} pictures are taken whole: ${some(short)}; newer versions of Dassl repeat pictures there, and draw others after them`;
  return {
    ...imported,
    split: { ...split, train: items, shots, seed },
    notices: short.length === 0 ? notices : [...notices, few],
  };
}

async function importWhole({ file, data, prefix }: ImportSplitOptions): Promise<SplitImport> {
  const value = await readValue(file);
  const own = typeof value === "object" && value !== null && "version" in value && "classNames" in value;
  let dataset: Dataset | undefined;
  let reason = "";
  try {
    dataset = await openDataset(data, { split: "train" });
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    reason = error.message;
  }
  if (own) {
    const split = await readSplit(file, { root: dataset?.root ?? data });
    return dataset ? alignSplit({ split, notices: [] }, dataset) : keepSplit({ split, notices: [] }, reason);
  }
  const imported = await fromDasslSplit(value, { root: data, file, prefix });
  if (dataset) return alignSplit(imported, dataset);
  return keepSplit(imported, reason);
}

/** A split as it stands, which a training cannot use. */
function keepSplit({ split, notices }: ImportedSplit, reason: string): SplitImport {
  const notice = `locoop train cannot use this split as the pictures lie: ${reason}`;
  return { split, notices: [...notices, notice], trainable: false };
}

/** The split with the root, the labels and the names of a data set, if each of its classes is one class folder. */
function alignSplit(imported: ImportedSplit, dataset: Dataset): SplitImport {
  const { split, notices } = imported;
  const outside = (item: Item): boolean => folderOf(dataset.root, item.path) === undefined;
  const stray = split.train.find(outside);
  if (stray) {
    const reason = `it reads class folders in ${dataset.root}, but ${stray.path} of "train" is in none of them`;
    return keepSplit(imported, reason);
  }
  const kept = [...notices];
  const inside = (name: "val" | "calibration"): readonly Item[] => {
    const list = split[name].filter((item) => !outside(item));
    if (list.length < split[name].length)
      kept.push(
        `"${name}": ${split[name].length - list.length} pictures are left out, as they are not below ${dataset.root}`,
      );
    return list;
  };
  const lists = { train: split.train, val: inside("val"), calibration: inside("calibration") };
  const labels = matchClasses(split, dataset);
  if (typeof labels === "string") return keepSplit(imported, labels);
  const relabel = (items: readonly Item[]): Item[] => items.map(({ path, label }) => ({ path, label: labels[label]! }));
  const renamed = split.classNames.flatMap((name, label) => {
    const here = dataset.classNames[labels[label]!]!;
    return here === name ? [] : [`"${name}" is "${here}"`];
  });
  if (renamed.length > 0)
    kept.push(
      `${renamed.length} of ${labels.length} classes have other names here, by which prompts are made (${some(renamed)}); rename the folders or the list of names if the author's names matter`,
    );
  return {
    split: {
      ...split,
      root: dataset.root,
      classNames: dataset.classNames,
      train: relabel(lists.train),
      val: relabel(lists.val),
      calibration: relabel(lists.calibration),
    },
    notices: kept,
    trainable: true,
  };
}

/** The data set's label for each of the split's, or why there is none. */
function matchClasses({ classNames, train }: Split, dataset: Dataset): number[] | string {
  const labelOf = new Map(dataset.folders.map((folder, label) => [folder, label]));
  const labels: number[] = [];
  for (const { path, label } of train) {
    const here = labelOf.get(folderOf(dataset.root, path)!);
    if (here === undefined) return `${path} is in no class folder of ${dataset.root}`;
    if (labels[label] !== undefined && labels[label] !== here)
      return `the pictures of "${classNames[label]}" lie in two class folders, ${dataset.folders[labels[label]]} and ${dataset.folders[here]}`;
    labels[label] = here;
  }
  const absent = classNames.filter((_, label) => labels[label] === undefined);
  if (absent.length > 0) return `"train" has no pictures of ${some(absent)}`;
  const twice = labels.find((here, label) => labels.indexOf(here) !== label);
  if (twice !== undefined) return `two classes of the split lie in the folder ${dataset.folders[twice]}`;
  if (labels.length < dataset.folders.length) {
    const taken = new Set(labels);
    const others = dataset.folders.filter((_, label) => !taken.has(label));
    return `${dataset.root} has ${dataset.folders.length} class folders, the split ${labels.length}; not in it: ${some(others)}; make a folder with links to those that are`;
  }
  return labels;
}

function folderOf(root: string, path: string): string | undefined {
  const [first, ...rest] = relative(root, path).split(sep);
  return first === undefined || first === "" || first === ".." || rest.length === 0 ? undefined : first;
}

const some = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? `, and ${names.length - 5} more` : "");

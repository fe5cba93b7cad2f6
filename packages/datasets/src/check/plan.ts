import { basename, dirname, resolve } from "node:path";
import { DatasetError } from "../errors.js";
import { detectLayout, findSplitFolder } from "../imagenet.js";
import { requireFolder } from "../listing.js";
import { expectedCounts, findOodFolder, oodLayout } from "../ood-benchmarks.js";
import type { FolderReport } from "./report.js";

/** A set to look at, where it lies if it does, and what the benchmark has of it. */
export interface PlannedSet {
  readonly name: string;
  readonly kind: "imagenet-train" | "imagenet-val" | "ood" | "classes";
  readonly root?: string;
  readonly pictures?: number;
  readonly classes?: number;
  /** Least and most pictures of a class. */
  readonly perClass?: readonly [number, number];
  /** Whether the expectation is not met without it. */
  readonly needed: boolean;
}

// ILSVRC2012: 1,281,167 pictures to train, 732 to 1,300 of a class.
const train = { pictures: 1_281_167, classes: 1000, perClass: [732, 1300] } as const;
const val = { pictures: expectedCounts["imagenet/val"], classes: 1000, perClass: [50, 50] } as const;

/** What to look at in a folder. */
export async function planSets(
  root: string,
  asked: FolderReport["benchmarks"] | undefined,
  ood: ReadonlyArray<{ readonly name: string; readonly dir: string }>,
): Promise<{ benchmarks: FolderReport["benchmarks"]; sets: PlannedSet[] }> {
  const splits = { train: await findSplitFolder(root, "train"), val: await findSplitFolder(root, "val") };
  const found: PlannedSet[] = [];
  for (const { name, folders } of oodLayout) {
    const folder = await findOodFolder(root, folders);
    found.push({
      name,
      kind: "ood",
      needed: true,
      pictures: expectedCounts[name],
      ...(name === "Texture" && { classes: 47 }),
      ...(folder !== undefined && { root: folder }),
    });
  }
  const benchmarks = asked ?? (await guess(root, [splits.val, splits.train], found));
  const sets: PlannedSet[] = [];
  if (benchmarks.includes("imagenet")) {
    // Evaluation needs val only, and so does who trains elsewhere.
    sets.push({ name: "imagenet/val", kind: "imagenet-val", needed: true, ...val, ...at(splits.val) });
    sets.push({ name: "imagenet/train", kind: "imagenet-train", needed: false, ...train, ...at(splits.train) });
  }
  if (benchmarks.includes("ood")) sets.push(...found);
  else if (benchmarks.includes("imagenet")) sets.push(...found.filter((set) => set.root !== undefined));
  if (benchmarks.includes("folders")) {
    sets.push({ name: basename(root), kind: "classes", needed: true, root });
  }
  for (const { name, dir } of ood) {
    const standard = found.find((set) => set.name === name);
    if (sets.some((set) => set.name === name && set.kind !== "ood")) {
      throw new DatasetError(`expected another name for the pictures of ${dir}, got "${name}", which is taken`);
    }
    const set = { name, kind: "ood", needed: true, ...standard, root: await requireFolder(dir) } as const;
    const index = sets.findIndex((other) => other.name === name);
    if (index >= 0) sets[index] = set;
    else sets.push(set);
  }
  return { benchmarks, sets };
}

const at = (root: string | undefined): { root?: string } => (root === undefined ? {} : { root: resolve(root) });

/** The layout that training and evaluation would take; unsorted pictures of `images/val` are meant for ImageNet too. */
async function guess(
  root: string,
  splits: readonly (string | undefined)[],
  ood: readonly PlannedSet[],
): Promise<FolderReport["benchmarks"]> {
  const unsorted = splits.some((folder) => folder !== undefined && basename(dirname(folder)) === "images");
  const some = ood.some((set) => set.root !== undefined);
  if (unsorted || (await detectLayout(root)) === "imagenet") return some ? ["imagenet", "ood"] : ["imagenet"];
  return some ? ["ood"] : ["folders"];
}

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { type Item, readSplit } from "@locoop/datasets";
import { hashLine } from "./data.js";
import { sha256OfFile } from "./files.js";
import { type Run, runFiles } from "./run-folder.js";

/** Pictures to evaluate on, and what was found out about those that runs were trained on. */
export interface UntrainedPictures {
  readonly items: readonly Item[];
  /** How many were left out. */
  readonly trained: number;
  /** What could not be found out for certain, a sentence each. */
  readonly notices: readonly string[];
}

type TrainedRun = Pick<Run, "dir"> & {
  readonly config: { readonly data: Pick<Run["config"]["data"], "root" | "sha256"> };
};

/**
 * Leaves out pictures that a run was trained on: those at the same path, and those at the same place below `root` (class folder and
 * file name, as the split stores them), for the data may have been moved or copied. A test set may number its files as the training
 * set did, so a picture at the same place stays if its bytes are others: compared with the original where that is still there, else
 * by the hash over all of a run's pictures. Where neither tells, it is left out, and a notice says so.
 */
export async function withoutTrained(
  items: readonly Item[],
  { root, runs }: { root: string; runs: readonly TrainedRun[] },
): Promise<UntrainedPictures> {
  const byPlace = new Map(items.map(({ path }) => [relative(root, path).split(sep).join("/"), path]));
  const byPath = new Map(items.map(({ path }) => [resolve(path), path]));
  const trained = new Set<string>();
  const notices: string[] = [];
  for (const run of runs) {
    const { data } = run.config;
    const path = join(run.dir, runFiles.split);
    // The old root may be gone: the split is read below the new one, and only places are taken from it.
    const split = await readSplit(path, { root, checkFiles: false }).catch((error: Error) => error);
    if (split instanceof Error) {
      notices.push(
        `${path} cannot be read, so that pictures which the run was trained on may be among the ID pictures (${split.message})`,
      );
      continue;
    }
    const unsure: string[] = [];
    for (const item of split.train) {
      const place = relative(split.root, item.path).split(sep).join("/");
      const original = resolve(data.root, place);
      const samePath = byPath.get(original);
      if (samePath !== undefined) trained.add(samePath);
      const candidate = byPlace.get(place);
      if (candidate === undefined || candidate === samePath || trained.has(candidate)) continue;
      const same = await sameBytes(original, candidate);
      if (same === true) trained.add(candidate);
      else if (same === undefined) unsure.push(candidate);
    }
    if (unsure.length === 0) continue;
    const whole = await hashOf(split.train, split.root);
    if (whole !== undefined && whole !== data.sha256) {
      notices.push(
        `${unsure.length} ID pictures have the class folder and file name of pictures that ${run.dir} was trained on; those are no longer in ${data.root}, but as a whole they were others, so these stay`,
      );
      continue;
    }
    for (const one of unsure) trained.add(one);
    if (whole === undefined)
      notices.push(
        `${unsure.length} ID pictures have the class folder and file name of pictures that ${run.dir} was trained on; those are no longer in ${data.root} to compare, so these are left out; restore them, or rename the files, if they are others`,
      );
  }
  const rest = items.filter(({ path }) => !trained.has(path));
  return { items: rest, trained: items.length - rest.length, notices };
}

/** Whether two files hold the same bytes; undefined if the first is not there. */
async function sameBytes(original: string, candidate: string): Promise<boolean | undefined> {
  const [a, b] = await Promise.all([original, candidate].map((path) => stat(path).catch(() => undefined)));
  if (!a?.isFile() || !b) return undefined;
  if (a.size !== b.size) return false;
  if (a.ino !== 0 && a.ino === b.ino && a.dev === b.dev) return true;
  try {
    return (await sha256OfFile(original)) === (await sha256OfFile(candidate));
  } catch {
    return undefined;
  }
}

/** The hash that `checkPictures` takes over a run's pictures; undefined if one of them is not there. */
async function hashOf(items: readonly Item[], root: string): Promise<string | undefined> {
  const all = createHash("sha256");
  for (const { path, label } of items) {
    const bytes = await readFile(path).catch(() => undefined);
    if (!bytes) return undefined;
    all.update(
      hashLine({ place: relative(root, path), label, sha256: createHash("sha256").update(bytes).digest("hex") }),
    );
  }
  return all.digest("hex");
}

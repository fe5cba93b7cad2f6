import { dirname, resolve } from "node:path";
import type { Dataset, Item, Split } from "@locoop/datasets";
import { readSplit, sampleFewShot } from "@locoop/datasets";
import { UsageError } from "./errors.js";

/** Which pictures are drawn: so many of each class by a seed, or those of a split. */
export interface Draw {
  readonly shots: number;
  /** Seeds of the runs. */
  readonly seeds: readonly number[];
  readonly split?: Split;
}

interface DrawOptions {
  readonly split?: string;
  readonly shots?: number;
  readonly seeds?: readonly number[];
}

/**
 * What a draw is asked for, or what a split says of itself: its shots, and its seed unless others are asked for. Without `root`, the
 * split's pictures are not looked for.
 */
export async function resolveDraw({ split: path, shots, seeds }: DrawOptions, root?: string): Promise<Draw> {
  if (path === undefined) return { shots: shots ?? 16, seeds: seeds ?? [1] };
  const split = await readSplit(path, { root: root ?? dirname(resolve(path)), checkFiles: root !== undefined });
  // A split from elsewhere need not say how it was drawn, and what it holds is what is trained on.
  const held = Math.max(split.shots ?? 0, ...countByClass(split.train, split.classNames.length));
  if (shots !== undefined && shots !== held)
    throw new UsageError(
      `split: ${path} holds ${held} shots of a class, but ${shots} shots are asked for; leave one out`,
    );
  return { shots: held, seeds: seeds ?? [split.seed ?? 1], split };
}

/** What one seed gives: its shots, the pictures left over, and the classes that have fewer. */
export interface DrawnShots {
  readonly items: readonly Item[];
  readonly rest: readonly Item[];
  readonly short: readonly { readonly className: string; readonly available: number }[];
}

/** Draws the shots of one seed, or takes those of the split. */
export function drawShots(
  dataset: Dataset,
  { shots, split }: Draw,
  { seed, strict, path }: { seed: number; strict: boolean; path?: string },
): DrawnShots {
  if (split === undefined) return sampleFewShot(dataset, { shots, seed, strict });
  const same =
    split.classNames.length === dataset.classNames.length &&
    split.classNames.every((name, i) => name === dataset.classNames[i]);
  if (!same)
    throw new Error(
      `split: ${path} names ${split.classNames.length} classes, ${dataset.root} has ${dataset.classNames.length} or other names; use the split that belongs to these folders`,
    );
  const short = countByClass(split.train, split.classNames.length)
    .map((available, label) => ({ className: split.classNames[label]!, available }))
    .filter(({ available }) => available < shots);
  if (strict && short.length > 0)
    throw new Error(
      `split: expected at least ${shots} pictures of every class in ${path}, got ${short[0]!.available} of "${short[0]!.className}"; add some, or leave out --strict`,
    );
  const taken = new Set(split.train.map((item) => item.path));
  return {
    items: split.train,
    rest: split.calibration.length > 0 ? split.calibration : dataset.items.filter((item) => !taken.has(item.path)),
    short,
  };
}

function countByClass(items: readonly Item[], classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (const { label } of items) counts[label]!++;
  return counts;
}

import type { Dataset, Item } from "./dataset.js";
import { DatasetError, listSome } from "./errors.js";
import { pythonRandom } from "./python-random.js";

/**
 * Options of `sampleFewShot`: `shots` per class, `seed` of Python's generator, `strict` refuses classes with fewer pictures than shots.
 *
 * @example
 * ```ts
 * import type { FewShotOptions } from "@locoop/datasets";
 *
 * const options: FewShotOptions = { shots: 16, seed: 1, strict: true };
 * console.log(options.shots);
 * ```
 */
export interface FewShotOptions {
  readonly shots: number;
  readonly seed: number | bigint;
  readonly strict?: boolean;
}

/**
 * What a draw returns: the picked `items` by class in the order drawn, the `rest` in the data set's order, and the classes that were `short` of pictures.
 *
 * @example
 * ```ts
 * import type { FewShotSample } from "@locoop/datasets";
 *
 * const sample: FewShotSample = { items: [], rest: [], short: [{ className: "cat", label: 0, available: 3 }] };
 * console.log(sample.short.length);
 * ```
 */
export interface FewShotSample {
  readonly items: Item[];
  readonly rest: Item[];
  readonly short: Array<{ className: string; label: number; available: number }>;
}

/**
 * Draws `shots` pictures of each class as the Python reference does: classes in ascending label order, `random.sample` of one generator;
 * a class with fewer pictures is taken whole, uses no random number and is listed in `short`.
 * Throws `DatasetError` for a number of shots that is no whole number from 1, a label without a class, and, if `strict`, for short classes.
 * Source: Dassl's `generate_fewshot_dataset`, as used by CoOp and LoCoOp; equal to it given the same order of files.
 *
 * @example
 * ```ts
 * import { sampleFewShot } from "@locoop/datasets";
 *
 * const items = [0, 0, 0, 1, 1].map((label, i) => ({ path: `/data/${i}.jpg`, label }));
 * const { items: picked, rest, short } = sampleFewShot({ classNames: ["cat", "dog"], items }, { shots: 2, seed: 1 });
 * console.log(picked.length, rest.length, short.length); // → 4 1 0
 * ```
 */
export function sampleFewShot(
  { classNames, items }: Pick<Dataset, "classNames" | "items">,
  { shots, seed, strict = false }: FewShotOptions,
): FewShotSample {
  if (!Number.isInteger(shots) || shots < 1) {
    throw new DatasetError(
      `expected a whole number of shots from 1, got ${shots}: give how many pictures of each class to take`,
    );
  }
  const byLabel = classNames.map((): Item[] => []);
  for (const item of items) {
    const list = byLabel[item.label];
    if (list === undefined) {
      throw new DatasetError(
        `expected labels from 0 to ${classNames.length - 1}, got ${item.label} of ${item.path}: give a class name for every label`,
      );
    }
    list.push(item);
  }
  const short = byLabel.flatMap((list, label) =>
    list.length < shots ? [{ className: classNames[label] ?? String(label), label, available: list.length }] : [],
  );
  if (strict && short.length > 0) {
    const names = listSome(short.map(({ className, available }) => `${className} (${available})`));
    throw new DatasetError(
      `expected at least ${shots} pictures of every class, found fewer of ${names}: add pictures, or draw without strict to take what there is`,
    );
  }
  const random = pythonRandom(seed);
  const picked = byLabel.flatMap((list) => (list.length < shots ? list : random.sample(list, shots)));
  const taken = new Set(picked);
  return { items: picked, rest: items.filter((item) => !taken.has(item)), short };
}

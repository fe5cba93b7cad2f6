/**
 * One picture: the path of its file, absolute, and the index of its class (-1 for a picture that belongs to no class).
 *
 * @example
 * ```ts
 * import type { Item } from "@locoop/datasets";
 *
 * const item: Item = { path: "/data/pets/cat/tom.jpg", label: 0 };
 * console.log(item.label);
 * ```
 */
export interface Item {
  readonly path: string;
  readonly label: number;
}

/**
 * Pictures in classes: `items` in label order, files sorted within a class; `classNames` [C] and `folders` [C] by label; `warnings` in plain words.
 *
 * @example
 * ```ts
 * import type { Dataset } from "@locoop/datasets";
 *
 * const pets: Dataset = {
 *   name: "pets",
 *   root: "/data/pets",
 *   classNames: ["cat"],
 *   folders: ["cat"],
 *   items: [{ path: "/data/pets/cat/tom.jpg", label: 0 }],
 *   warnings: [],
 * };
 * console.log(pets.classNames.length);
 * ```
 */
export interface Dataset {
  readonly name: string;
  readonly root: string;
  readonly classNames: readonly string[];
  readonly folders: readonly string[];
  readonly items: readonly Item[];
  readonly warnings: readonly string[];
}

/** Names that reach the text encoder as the same words: underscores become spaces there, and the tokenizer lower-cases and collapses blanks. */
const asPrompted = (name: string): string => name.replaceAll("_", " ").replace(/\s+/g, " ").trim().toLowerCase();

/** One warning for each name that several classes share, and for each that has no word in it. */
export function warnNames(classNames: readonly string[], folders: readonly string[]): string[] {
  const byName = new Map<string, string[]>();
  classNames.forEach((name, label) => {
    const key = asPrompted(name);
    byName.set(key, [...(byName.get(key) ?? []), folders[label] ?? String(label)]);
  });
  const nameless = (byName.get("") ?? []).map(
    (folder) => `the class of folder ${folder} has a name without words: no prompt can describe it; rename the folder`,
  );
  const twice = [...byName]
    .filter(([name, shared]) => name !== "" && shared.length > 1)
    .map(
      ([name, shared]) =>
        `${shared.length} classes are named "${name}" (folders ${shared.join(", ")}): ` +
        "a prompt cannot tell them apart; give one of them another name if that matters",
    );
  return [...nameless, ...twice];
}

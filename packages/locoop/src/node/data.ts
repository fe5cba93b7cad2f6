import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { ImageError, readImage } from "@locoop/clip/node";
import type { Dataset, Item } from "@locoop/datasets";
import { detectLayout, imageFolder, imageNet } from "@locoop/datasets";
import type { RunClass } from "./run-folder.js";

/** A folder of class folders or the ImageNet layout, whichever it is. */
export async function openDataset(
  root: string,
  { split, classNames }: { split: "train" | "val"; classNames?: string },
): Promise<Dataset & { readonly layout: "image-folder" | "imagenet" }> {
  const layout = await detectLayout(root);
  const dataset = layout === "imagenet" ? await imageNet(root, { split, classNames }) : await imageFolder(root);
  return { ...dataset, layout };
}

/** A picture that cannot be read, and why; the path is not said again in `error`. */
export interface Unreadable {
  readonly path: string;
  readonly error: string;
}

/** Why a picture cannot be read, without its path. */
export function unreadableReason(error: unknown): string {
  return error instanceof ImageError ? error.reason : (error as Error).message;
}

/** Decodes every picture once and hashes its bytes: what training would trip over is known before the first step. */
export async function checkPictures(
  items: readonly Item[],
  { root, signal, onProgress }: { root: string; signal?: AbortSignal; onProgress?: (done: number) => void },
): Promise<{ good: Item[]; unreadable: Unreadable[]; sha256: string }> {
  const results: (string | Unreadable)[] = [];
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      signal?.throwIfAborted();
      const index = next++;
      const { path } = items[index]!;
      try {
        await readImage(path); // first: its errors say what is wrong with a file
        const bytes = await readFile(path);
        results[index] = createHash("sha256").update(bytes).digest("hex");
      } catch (error) {
        results[index] = { path, error: unreadableReason(error) };
      }
      onProgress?.(++done);
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  const all = createHash("sha256");
  const good: Item[] = [];
  const unreadable: Unreadable[] = [];
  results.forEach((result, i) => {
    if (typeof result !== "string") {
      unreadable.push(result);
      return;
    }
    const item = items[i]!;
    good.push(item);
    all.update(hashLine({ place: relative(root, item.path), label: item.label, sha256: result }));
  });
  return { good, unreadable, sha256: all.digest("hex") };
}

/** What one picture adds to the hash over all of a run's pictures. */
export function hashLine({ place, label, sha256 }: { place: string; label: number; sha256: string }): string {
  return `${place.replaceAll("\\", "/")}\n${label}\n${sha256}\n`;
}

/** Gives pictures of class folders the labels of a run: the same list of names, else by folder, else by name. */
export function relabel(dataset: Dataset, classes: readonly RunClass[]): Item[] {
  const sameNames =
    dataset.classNames.length === classes.length && dataset.classNames.every((name, i) => name === classes[i]!.name);
  if (sameNames) return [...dataset.items];
  const byFolder = new Map(classes.map(({ folder }, label) => [folder, label]));
  const byName = new Map(classes.map(({ name }, label) => [name, label]));
  const unknown: string[] = [];
  const labels = dataset.folders.map((folder, i) => {
    const label = byFolder.get(folder) ?? byName.get(dataset.classNames[i]!);
    if (label === undefined) unknown.push(folder);
    return label ?? -1;
  });
  if (unknown.length > 0)
    throw new Error(
      `ID pictures: ${dataset.root} has ${unknown.length} class folders that the run does not know (${unknown.slice(0, 3).join(", ")}${unknown.length > 3 ? ", ..." : ""}); expected names such as ${classes
        .slice(0, 3)
        .map(({ name }) => name)
        .join(", ")}: rename or remove them`,
    );
  return dataset.items.map(({ path, label }) => ({ path, label: labels[label]! }));
}

/** Spreads a limit evenly over a list. */
export function thinOut<T>(list: readonly T[], limit: number): T[] {
  if (list.length <= limit) return [...list];
  return Array.from({ length: limit }, (_, i) => list[Math.floor((i * list.length) / limit)]!);
}

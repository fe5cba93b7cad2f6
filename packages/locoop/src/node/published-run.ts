import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Clip, Floats } from "@locoop/clip";
import { openFileSource } from "@locoop/clip/node";
import {
  coop,
  type CoopPosition,
  encodeClasses,
  learnerContext,
  type PublishedCheckpoint,
  readPublishedCheckpoint,
  restore,
} from "@locoop/prompt-learning";
import { UsageError } from "./errors.js";
import { exists } from "./files.js";
import { ensureFiniteClasses } from "./finite.js";
import { runFiles } from "./run-folder.js";

/** A published prompt, where it was found, and what is known of its training. */
export interface PublishedPrompt extends PublishedCheckpoint {
  /** The file that was read. */
  readonly path: string;
  readonly position: CoopPosition;
  /** Whether the file, its folder or the caller says so; else it is the default. */
  readonly positionKnown: boolean;
  /** As the folders say, in which LoCoOp and CoOp save; else "published prompt". */
  readonly method: string;
  readonly shots?: number;
  readonly seed?: number;
  readonly notices: readonly string[];
}

/**
 * Reads a published prompt: the file `model.pth.tar-N`, a safetensors file, or a folder: Dassl's output folder (of the checkpoints in
 * its `prompt_learner` the one that the text file `checkpoint` names, else the last) or a run. Nothing in it is executed.
 *
 * @throws if there is none, the file is damaged or something else, or `position` contradicts what the file says
 * @example
 * ```ts
 * import { openPublishedPrompt } from "locoop/node";
 *
 * const error: unknown = await openPublishedPrompt("nothing-here").catch((reason: unknown) => reason);
 * console.log(error instanceof Error && error.message); // → checkpoint: no such file: nothing-here; check the path
 * ```
 */
export async function openPublishedPrompt(
  given: string,
  { position }: { position?: CoopPosition } = {},
): Promise<PublishedPrompt> {
  const { path, notices } = await locate(given);
  const file = await openFileSource(path);
  let read: PublishedCheckpoint;
  try {
    read = await readPublishedCheckpoint(file);
  } finally {
    await file.close();
  }
  const hints = readHints(resolve(path));
  if (position !== undefined && read.position !== undefined && position !== read.position)
    throw new UsageError(
      `--position: ${path} was trained with the class name at the position ${read.position}, got ${position}; leave the option out`,
    );
  const known = position ?? read.position;
  if (known === undefined && hints.position !== undefined)
    notices.push(
      `${path}: its folder says ctp${hints.position}, so the class name stands at the position ${hints.position}`,
    );
  else if (known !== undefined && hints.position !== undefined && known !== hints.position)
    notices.push(`${path}: its folder says ctp${hints.position}, but the class name stands at the position ${known}`);
  const { method = "published prompt", shots, seed } = hints;
  const told = known ?? hints.position;
  return { ...read, path, position: told ?? "end", positionKnown: told !== undefined, method, shots, seed, notices };
}

/** What LoCoOp's and CoOp's scripts write into folder names: LoCoOp/vit_b16_ep50_16shots/nctx16_cscFalse_ctpend/seed1. */
function readHints(path: string): Partial<Pick<PublishedPrompt, "method" | "shots" | "seed" | "position">> {
  const folders = dirname(path).split(/[\\/]/).reverse();
  const find = (pattern: RegExp): string | undefined =>
    folders.map((folder) => pattern.exec(folder)?.[1]).find((found) => found !== undefined);
  const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
  const method = find(/^(locoop|coop)$/i)?.toLowerCase();
  return {
    method: method && { locoop: "LoCoOp", coop: "CoOp" }[method],
    shots: number(find(/(?:^|_)(\d{1,6})shots?$/)),
    seed: number(find(/^seed(\d{1,9})$/)),
    position: find(/(?:^|_)ctp(end|middle|front)$/) as CoopPosition | undefined,
  };
}

interface FoundCheckpoint {
  readonly path: string;
  readonly notices: string[];
}

/** The checkpoint in a folder: Dassl's output folder, the `prompt_learner` in it, or a run; undefined if there is none. */
export async function findCheckpoint(given: string): Promise<FoundCheckpoint | undefined> {
  const notices: string[] = [];
  const nested = join(given, "prompt_learner");
  const folder = (await exists(nested)) ? nested : given;
  const names = await readdir(folder);
  const numbers = names
    .map((name) => /^model\.pth\.tar-(\d+)$/.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .sort((a, b) => Number(a) - Number(b));
  const text = names.includes("checkpoint") ? await readFile(join(folder, "checkpoint"), "utf8").catch(() => "") : "";
  const named = text.split("\n")[0]!.trim().slice(0, 255);
  // A name and no path: the file may come from anyone.
  if (named !== "" && names.includes(named)) return { path: join(folder, named), notices };
  if (numbers.length > 0) {
    const last = `model.pth.tar-${numbers.at(-1)!}`;
    if (named !== "")
      notices.push(`${join(folder, "checkpoint")} names "${named}", which is not there; ${last} is taken`);
    return { path: join(folder, last), notices };
  }
  const best = "model-best.pth.tar"; // of the best epoch on validation pictures, as Dassl names it
  if (names.includes(best)) return { path: join(folder, best), notices };
  const own = join(given, runFiles.prompt);
  return (await exists(own)) ? { path: own, notices } : undefined;
}

async function locate(given: string): Promise<FoundCheckpoint> {
  const found = await stat(given).catch(() => undefined);
  if (!found) throw new Error(`checkpoint: no such file: ${given}; check the path`);
  if (!found.isDirectory()) return { path: given, notices: [] };
  const inside = await findCheckpoint(given);
  if (inside) return inside;
  throw new Error(
    `checkpoint: ${given} holds no prompt_learner/model.pth.tar-N and no ${runFiles.prompt}; name the checkpoint file, or the folder that holds one`,
  );
}

/**
 * Class features [C,E] of a published prompt for a list of class names, not normalised.
 *
 * @throws if the prompt belongs to a CLIP of another text width, or has contexts of its own for another number of classes
 * @example
 * ```ts
 * import { writeFile, mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { writeSafetensors } from "@locoop/clip";
 * import { tinyClipPaths } from "@locoop/tiny-clip";
 * import { closeModel, openModel, openPublishedPrompt, publishedFeatures, resolveEngine } from "locoop/node";
 *
 * const { engine } = await resolveEngine();
 * const clip = await openModel({ weights: tinyClipPaths().weights, engine });
 * const path = join(await mkdtemp(join(tmpdir(), "prompt-")), "ctx.safetensors");
 * const { width } = clip.config.text;
 * await writeFile(path, writeSafetensors({ ctx: { data: new Float32Array(4 * width).fill(0.01), shape: [4, width] } }));
 * const features = await publishedFeatures(clip, await openPublishedPrompt(path), ["cat", "dog"]);
 * console.log(features.shape[0]); // → 2
 * await closeModel();
 * ```
 */
export async function publishedFeatures(
  clip: Clip,
  { path, position, classSpecific, contexts, checkpoint }: PublishedPrompt,
  classNames: readonly string[],
): Promise<Floats> {
  const { width } = clip.config.text;
  if (contexts.shape.at(-1) !== width)
    throw new Error(
      `checkpoint: the contexts of ${path} have the width ${contexts.shape.at(-1)}, the text tower of the weights ${width}; give the weights that it was trained on (--weights)`,
    );
  if (classSpecific && contexts.shape[0] !== classNames.length)
    throw new Error(
      `checkpoint: ${path} has contexts of its own for each of ${contexts.shape[0]} classes, but there are ${classNames.length} class names; give the classes of its training, in its order (--class-names)`,
    );
  const options = { ...checkpoint.options, position };
  const learner = coop.create(learnerContext(clip, { classNames }), options);
  try {
    restore(learner, { ...checkpoint, options });
    const features = await encodeClasses(learner, clip.text);
    ensureFiniteClasses(features, classNames);
    return features;
  } finally {
    learner.dispose();
  }
}

/** One line on a prompt for the user. */
export function describePrompt({ path, contexts, classSpecific, epoch, dtype, position }: PublishedPrompt): string {
  const count = contexts.shape.at(-2)!;
  const own = classSpecific ? ` for each of ${contexts.shape[0]} classes` : "";
  const trained = epoch === undefined ? "" : `, epoch ${epoch}`;
  return `${path}: ${count} context${count === 1 ? "" : "s"}${own}, stored as ${dtype}${trained}; class name at the position ${position}`;
}

/**
 * What keeps prompts apart in tables that are no seeds of one another: files whose paths differ in more than seed and shots have their
 * own rows, named after what differs.
 */
export async function comparedPrompts(prompts: readonly PublishedPrompt[]): Promise<Record<string, string>[]> {
  const places = await Promise.all(prompts.map(async ({ path }) => realpath(path).catch(() => resolve(path))));
  places.forEach((place, i) => {
    const twin = places.indexOf(place);
    if (twin < i)
      throw new UsageError(`--checkpoint: ${prompts[i]!.path} comes twice; a mean would count it twice: name it once`);
  });
  const parts = places.map((place) =>
    place.split(/[\\/]/).map((part) => part.replace(/^seed\d+$/, "seed*").replace(/\d+shots?$/, "*shots")),
  );
  const kept = dropShared(dropShared(parts).map((list) => list.toReversed())).map((list) => list.toReversed());
  return kept.map((list) => ({ checkpoint: list.join("/") }));
}

/** Lists without the beginning that all have, but never empty. */
function dropShared(lists: readonly string[][]): string[][] {
  // Without any list there is no end to what all of them share.
  const most = lists.length === 0 ? 0 : Math.min(...lists.map((list) => list.length)) - 1;
  let shared = 0;
  while (shared < most && lists.every((list) => list[shared] === lists[0]![shared])) shared++;
  return lists.map((list) => list.slice(shared));
}

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Matches, Score } from "@locoop/ood-metrics";
import { scores as builtInScores } from "@locoop/ood-metrics";
import type { LearnerDefinition } from "@locoop/prompt-learning";
import { learners } from "@locoop/prompt-learning";
import { UsageError } from "./errors.js";
import { ensureFile, sha256OfFile } from "./files.js";
import { float16Scores } from "./float16-scores.js";

/** A score by the name of the index, or by the path of a module that exports one. */
export type ScoreChoice = string;

/** A score of any options, called with its defaults. */
export interface AnyScore {
  (matches: Matches): Float64Array;
  readonly name: string;
  readonly local: boolean;
}

/** A learner of any options. */
// oxlint-disable-next-line typescript/no-explicit-any -- the options of a learner that is known at run time only
export type AnyLearner = LearnerDefinition<any>;

/** Whether a choice names a module by its path, and so stands for code of the user's own. */
export const isModulePath = (choice: string): boolean => /^\.{0,2}[\\/]|\.[cm]?[jt]s$/.test(choice);

/** Turns a plug-in's relative path into an absolute one, so that workers and resumed runs find it. */
export function resolveChoice(choice: string): string {
  return isModulePath(choice) ? resolve(choice) : choice;
}

/** SHA-256 of every module among some choices, by its path: names stand for code of this version. */
export async function hashPlugins(choices: readonly string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const choice of choices) if (isModulePath(choice)) hashes[choice] = await sha256OfFile(choice);
  return hashes;
}

const isScore = (value: unknown): value is AnyScore =>
  typeof value === "function" && typeof (value as { local?: unknown }).local === "boolean" && "defaults" in value;

const isLearner = (value: unknown): value is AnyLearner =>
  value !== null &&
  (typeof value === "object" || typeof value === "function") &&
  typeof (value as { create?: unknown }).create === "function" &&
  typeof (value as { name?: unknown }).name === "string" &&
  "defaults" in (value as object);

/** The score that a name or a module's path stands for. */
export async function loadScore(choice: ScoreChoice): Promise<AnyScore> {
  return load(choice, {
    what: "score",
    maker: "defineScore",
    known: { ...builtInScores, ...float16Scores } as Readonly<Record<string, Score<never>>>,
    is: isScore,
  });
}

/** Several scores, in order. */
export async function loadScores(choices: readonly ScoreChoice[]): Promise<AnyScore[]> {
  return Promise.all(choices.map(loadScore));
}

/** The learner that a name or a module's path stands for. */
export async function loadLearner(choice: string): Promise<AnyLearner> {
  return load(choice, { what: "learner", maker: "defineLearner", known: learners, is: isLearner });
}

async function load<T>(
  choice: string,
  {
    what,
    maker,
    known,
    is,
  }: { what: string; maker: string; known: Readonly<Record<string, unknown>>; is: (value: unknown) => value is T },
): Promise<T> {
  if (!isModulePath(choice)) {
    const found = Object.hasOwn(known, choice) ? known[choice] : undefined;
    if (is(found)) return found;
    throw new UsageError(
      `${what} must be one of ${Object.keys(known).join(", ")} or the path of a module such as ./mine.js, got "${choice}"`,
    );
  }
  await ensureFile(choice, what);
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(choice)).href)) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${what}: ${choice} does not load: ${(error as Error).message}`, { cause: error });
  }
  const found = [module.default, ...Object.values(module)].filter(is);
  if (found[0] === undefined)
    throw new UsageError(
      `${what}: ${choice} exports nothing made by ${maker}; export one, for example "export const mine = ${maker}({ ... })"`,
    );
  return found[0];
}

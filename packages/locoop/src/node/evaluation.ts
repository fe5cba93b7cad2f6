import { dirname, join } from "node:path";
import type { Floats } from "@locoop/clip";
import type { Item } from "@locoop/datasets";
import type { JudgedPictures, MethodResult, ScoreResult } from "../report/index.js";
import type { Unreadable } from "./data.js";
import { UsageError } from "./errors.js";
import { EVALUATION_FILE, type EvaluationFile } from "./evaluation-file.js";
import { writeJson } from "./files.js";
import { measure } from "./measure.js";
import { loadScores } from "./plugins.js";
import { writeScores } from "./scores-file.js";
import type { ScoredPicture } from "./scoring.js";
import { readTraining } from "./training-metrics.js";
import type { Workshop } from "./workshop.js";

/** One method to judge: its class features and what the tables call it. */
export interface EvaluatedMethod {
  readonly method: string;
  readonly shots?: number;
  readonly seed?: number;
  /** What else it was made with: methods of one name that differ in it are kept apart in the tables. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly classFeatures: Floats;
  /** Folder for `scores/<set>.csv` and `evaluation.json`, if they are wanted; of a run also that of its training's metrics. */
  readonly dir?: string;
}

/** A named set of pictures without classes. */
export interface PictureSet {
  readonly name: string;
  readonly root?: string;
  readonly items: readonly Item[];
}

/** What `evaluateMethods` works on. */
export interface EvaluationOptions {
  readonly methods: readonly EvaluatedMethod[];
  readonly id: { readonly root: string; readonly items: readonly Item[] };
  readonly ood: readonly PictureSet[];
  /** Sets that are measured but stay out of the average. */
  readonly extra?: readonly PictureSet[];
  readonly scores: readonly string[];
  /** What the classes are called, for `evaluation.json`. */
  readonly classNames?: readonly string[];
  readonly workshop: Workshop;
  readonly signal?: AbortSignal;
  /** Called with the set's name and the pictures done of all. */
  readonly onProgress?: (set: string, done: number, total: number) => void;
}

/** Results per method, measured over the pictures that could be read. */
export interface EvaluationResult {
  readonly methods: MethodResult[];
  readonly unreadable: Unreadable[];
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Encodes every picture once, judges it by every method and score, and measures the ID pictures against each OOD set by the
 * conventions of the paper. Pictures that cannot be read are left out and listed.
 *
 * @throws if no picture of a set can be read, and UsageError for a set named "ID" or two whose score files would have one name
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { imageFolder, pictureSets } from "@locoop/datasets";
 * import { drawBenchmark, tinyClipPaths, tinyClipTemplate } from "@locoop/tiny-clip";
 * import { closeModel, createWorkshop, evaluateMethods, formatTable, openModel, resolveEngine, summarise, zeroShotFeatures } from "locoop/node";
 *
 * const dir = join(await mkdtemp(join(tmpdir(), "evaluate-")), "toy");
 * await drawBenchmark({ dir, seed: 1, trainPerClass: 0, validationPerClass: 0, testPerClass: 1, ood: 5 });
 * const id = await imageFolder(join(dir, "test"));
 * const { engine, threads } = await resolveEngine();
 * const model = { weights: tinyClipPaths().weights, engine };
 * const classFeatures = await zeroShotFeatures(await openModel(model), id.classNames, tinyClipTemplate);
 * const workshop = createWorkshop({ model, threads });
 * const { methods, counts } = await evaluateMethods({
 *   methods: [{ method: "zero-shot", classFeatures }],
 *   id,
 *   ood: await pictureSets(join(dir, "ood")),
 *   scores: ["mcm", "gl-mcm"],
 *   workshop,
 * });
 * console.log(counts.ID, formatTable(summarise(methods)));
 * await workshop.dispose();
 * await closeModel();
 * ```
 */
export async function evaluateMethods(options: EvaluationOptions): Promise<EvaluationResult> {
  const { methods, id, ood, extra = [], scores, workshop, signal, onProgress } = options;
  checkSetNames([...ood, ...extra].map(({ name }) => name));
  const names = (await loadScores(scores)).map(({ name }) => name);
  const sets = [{ name: ID, root: id.root, items: id.items }, ...ood, ...extra];
  const total = sets.reduce((sum, { items }) => sum + items.length, 0);
  const judged: ScoredPicture[][] = [];
  const unreadable: Unreadable[] = [];
  let before = 0;
  for (const { name, items } of sets) {
    const scored = await workshop.score(
      items.map(({ path }) => path),
      {
        classFeatures: methods.map(({ classFeatures }) => classFeatures),
        scores,
        signal,
        onProgress: (done) => onProgress?.(name, before + done, total),
      },
    );
    for (const { path, error } of scored) if (error !== undefined) unreadable.push({ path, error });
    if (scored.every(({ error }) => error !== undefined))
      throw new Error(`set "${name}": none of its ${items.length} pictures can be read`);
    judged.push(scored);
    before += items.length;
  }
  const counts = Object.fromEntries(
    sets.map(({ name }, s) => [name, judged[s]!.filter(({ error }) => error === undefined).length]),
  );
  for (const [m, { dir, ...method }] of methods.entries()) {
    if (dir === undefined) continue;
    const files: EvaluationFile["sets"][number][] = [];
    for (const [s, { name, items, root = dirname(items[0]!.path) }] of sets.entries()) {
      const labels = s === 0 ? items.map(({ label }) => label) : undefined;
      const file = `${fileName(s === 0 ? "id" : name)}.csv`;
      await writeScores(join(dir, "scores", file), { root, pictures: judged[s]!, labels, method: m, scores: names });
      files.push({ name, file, root, averaged: s === 0 ? undefined : s <= ood.length });
    }
    const { classFeatures: _, ...facts } = method;
    await writeJson(join(dir, EVALUATION_FILE), {
      version: 1,
      ...facts,
      classNames: options.classNames,
      scores: names,
      sets: files,
      unreadable: unreadable.map(({ path }) => path),
    } satisfies EvaluationFile);
  }
  const resultsOf = (m: number): Record<string, ScoreResult> =>
    Object.fromEntries(
      names.map((name, i) => {
        const values = (s: number): Float64Array =>
          Float64Array.from(judged[s]!.flatMap(({ judgements }) => (judgements[m] ? [judgements[m].scores[i]!] : [])));
        const scoresOf = (list: readonly PictureSet[], first: number): Record<string, Float64Array> =>
          Object.fromEntries(list.map((set, j) => [set.name, values(first + j)]));
        const [main, beside] = [scoresOf(ood, 1), scoresOf(extra, 1 + ood.length)];
        return [name, measure(values(0), main, beside)];
      }),
    );
  const picturesOf = (m: number): JudgedPictures => {
    const pictures = (s: number): { paths: string[]; labels: Int32Array; predictions: Int32Array } => {
      const good = judged[s]!.flatMap(({ path, judgements }, i) =>
        judgements[m] ? [{ path, i, ...judgements[m] }] : [],
      );
      return {
        paths: good.map(({ path }) => path),
        labels: Int32Array.from(good, ({ i }) => sets[s]!.items[i]!.label),
        predictions: Int32Array.from(good, ({ prediction }) => prediction),
      };
    };
    return { id: pictures(0), ood: Object.fromEntries(sets.slice(1).map(({ name }, s) => [name, pictures(s + 1)])) };
  };
  const results: MethodResult[] = [];
  for (const [m, { method, shots, seed, settings, dir }] of methods.entries()) {
    const right = judged[0]!.filter(({ judgements }, i) => judgements[m]?.prediction === id.items[i]!.label).length;
    results.push({
      method,
      shots,
      seed,
      settings,
      accuracy: right / counts[ID]!,
      scores: ood.length > 0 ? resultsOf(m) : {},
      pictures: picturesOf(m),
      training: dir === undefined ? undefined : await readTraining(dir),
    });
  }
  return { methods: results, unreadable, counts };
}

// What counts and messages call the in-distribution pictures; no set may have the name.
const ID = "ID";

/** Refuses names of OOD sets that mean something else already, or whose score files would overwrite one another. */
export function checkSetNames(names: readonly string[]): void {
  const taken = new Map<string, string>();
  for (const name of names) {
    if (name.toLowerCase() === ID.toLowerCase())
      throw new UsageError(
        `--ood: the name "${name}" stands for the in-distribution pictures; give the set another name`,
      );
    const file = fileName(name);
    // As file systems compare that fold cases and compose letters.
    const key = file.normalize("NFC").toLowerCase();
    const other = taken.get(key);
    if (other !== undefined)
      throw new UsageError(
        `--ood: the sets "${other}" and "${name}" would both be written to ${file}.csv; rename one of them`,
      );
    taken.set(key, name);
  }
}

/** A set's name as part of a file name. */
export function fileName(name: string): string {
  const safe = name
    .replace(/[^\p{L}\p{N}._-]+/gu, "_")
    .replace(/^\.+/, "_")
    .slice(0, 100);
  return safe || "_";
}

import { mapBounded } from "./bounded.js";
import { findDuplicates } from "./check/duplicates.js";
import { checkClassNames, compareSet, countClasses } from "./check/expectations.js";
import { hintAtMissing, hintAtSet } from "./check/layout-hints.js";
import { type FileFacts, readFacts } from "./check/picture-file.js";
import { planSets, type PlannedSet } from "./check/plan.js";
import { type CheckedSet, createFindings, type FolderReport, type Findings } from "./check/report.js";
import { scanFolder, type Scan } from "./check/scan.js";
import { requireFolder } from "./listing.js";

/**
 * Options of `checkFolder`: which `benchmarks` (told by the layout unless given), out-of-distribution folders of your own (`ood`; the names of the four
 * sets carry their expectation), `shots` wanted of each class, a file of ImageNet's `classNames`. `decode` is given all pictures in lists and says of each
 * why it cannot be read (undefined: it can); without it only their first and last bytes are looked at. `onProgress` hears of four stages:
 * `list` (pictures found so far), `look`, `decode` and `compare` (files read in full, as they may be equal).
 *
 * @example
 * ```ts
 * import type { CheckOptions } from "@locoop/datasets";
 *
 * const options: CheckOptions = { benchmarks: ["imagenet", "ood"], shots: 16 };
 * console.log(options.benchmarks?.length);
 * ```
 */
export interface CheckOptions {
  readonly benchmarks?: FolderReport["benchmarks"];
  readonly ood?: ReadonlyArray<{ readonly name: string; readonly dir: string }>;
  readonly shots?: number;
  readonly classNames?: string;
  /** Decodes pictures and says for each why it could not be read, or undefined; without it only their first bytes are looked at. */
  readonly decode?: (paths: readonly string[]) => Promise<ReadonlyArray<string | undefined>>;
  readonly signal?: AbortSignal;
  /** What is being done, and how many pictures are done. */
  readonly onProgress?: (stage: "list" | "look" | "decode" | "compare", done: number, total?: number) => void;
}

/** A picture of a set, and what its ends say. */
interface Looked extends FileFacts {
  readonly path: string;
  readonly set: string;
  readonly top: string;
  /** Whether `top` is its class. */
  readonly labelled: boolean;
}

/**
 * Compares a folder with what a benchmark expects and changes nothing: ImageNet's 1,000 classes, 50,000 validation and 1,281,167 training pictures; the
 * paper's four out-of-distribution sets; or class folders of your own. Finds wrong counts, missing and unreadable files, pictures that come
 * twice (same bytes: size, then SHA-256), and layouts that are nearly right.
 * Throws `DatasetError` only when there is no such folder; all else is in the report. Counts: `method.md` of this project, the LoCoOp paper, and
 * ILSVRC2012.
 *
 * @example
 * ```ts
 * import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { checkFolder } from "@locoop/datasets";
 *
 * const root = await mkdtemp(join(tmpdir(), "pets-"));
 * for (const pet of ["cat", "dog"]) await mkdir(join(root, pet));
 * await writeFile(join(root, "cat/1.png"), "");
 * const { met, problems } = await checkFolder(root);
 * console.log(met, problems.map(({ message }) => message).join("; "));
 * ```
 */
export async function checkFolder(path: string, options: CheckOptions = {}): Promise<FolderReport> {
  const { ood = [], shots, classNames, signal, onProgress } = options;
  const root = await requireFolder(path);
  const { benchmarks, sets } = await planSets(root, options.benchmarks, ood);
  const findings = createFindings(root);
  const scans = new Map<string, { set: PlannedSet; root: string; scan: Scan }>();
  let listed = 0;
  for (const set of sets) {
    if (set.root === undefined) {
      const severity = set.needed ? "error" : "warning";
      const use = set.needed ? "" : "; training needs it, evaluation does not";
      findings.add(severity, set.name, `expected its folder, found none${use}`);
      continue;
    }
    const scan = await scanFolder(set.root, {
      ...(signal && { signal }),
      onFound: (count) => onProgress?.("list", listed + count),
    });
    listed += scan.pictures.length;
    scans.set(set.name, { set, root: set.root, scan });
    compareSet(set, scan, { findings, ...(shots !== undefined && { shots }) });
    for (const { path: broken, reason } of scan.broken) findings.add("error", set.name, reason, [broken]);
    hintAtSet(set, scan, findings);
  }
  if (benchmarks.includes("imagenet")) {
    const classes = new Map([...scans].filter(([, { set }]) => set.kind.startsWith("imagenet")));
    await checkClassNames(root, { ...(classNames !== undefined && { list: classNames }), scans: classes, findings });
  }
  await hintAtMissing(
    root,
    sets.filter((set) => set.root === undefined),
    findings,
  );
  const looked = await lookAt(scans, options);
  await reportUnreadable(looked, { findings, options });
  await reportDuplicates(looked, { findings, options });
  const order = { error: 0, warning: 1, hint: 2 };
  const problems = findings.problems.sort((a, b) => order[a.severity] - order[b.severity]);
  return {
    root,
    benchmarks,
    sets: sets.map((set) => describeSet(set, scans.get(set.name)?.scan, looked)),
    problems,
    met: !problems.some(({ severity }) => severity === "error"),
  };
}

async function lookAt(
  scans: ReadonlyMap<string, { set: PlannedSet; scan: Scan }>,
  { signal, onProgress }: CheckOptions,
): Promise<Looked[]> {
  const pictures = [...scans].flatMap(([name, { set, scan }]) =>
    scan.pictures.map(({ path, top }) => ({ path, set: name, top, labelled: set.kind !== "ood" })),
  );
  let done = 0;
  return mapBounded(pictures, async (picture) => {
    signal?.throwIfAborted();
    const facts = await readFacts(picture.path);
    onProgress?.("look", ++done, pictures.length);
    return { ...picture, ...facts };
  });
}

interface Context {
  readonly findings: Findings;
  readonly options: CheckOptions;
}

const BATCH = 64;

async function reportUnreadable(looked: readonly Looked[], { findings, options }: Context): Promise<void> {
  const { decode, signal, onProgress } = options;
  const reasons = new Map<string, { set: string; message: string; paths: string[] }>();
  const add = ({ set, path }: Looked, message: string): void => {
    const key = `${set}\n${message}`;
    const known = reasons.get(key);
    if (known) known.paths.push(path);
    else reasons.set(key, { set, message, paths: [path] });
  };
  for (const picture of looked) if (picture.bad !== undefined) add(picture, picture.bad);
  if (decode) {
    const good = looked.filter(({ bad }) => bad === undefined);
    const batches = Array.from({ length: Math.ceil(good.length / BATCH) }, (_, i) =>
      good.slice(i * BATCH, (i + 1) * BATCH),
    );
    let done = 0;
    await mapBounded(
      batches,
      async (batch) => {
        signal?.throwIfAborted();
        const results = await decode(batch.map(({ path }) => path));
        batch.forEach((picture, i) => results[i] !== undefined && add(picture, results[i]));
        done += batch.length;
        onProgress?.("decode", done, good.length);
      },
      2,
    );
  }
  for (const { set, message, paths } of reasons.values()) findings.add("error", set, `unreadable: ${message}`, paths);
  if (decode) return;
  const doubtful = new Map<string, string[]>();
  for (const { doubt, set, path } of looked) {
    if (doubt !== undefined) doubtful.set(set, [...(doubtful.get(set) ?? []), path]);
  }
  for (const [set, paths] of doubtful) {
    findings.add("warning", set, "pictures may be cut short (no mark at their end): decode them to know", paths);
  }
}

async function reportDuplicates(looked: readonly Looked[], { findings, options }: Context): Promise<void> {
  const { signal, onProgress } = options;
  const groups = await findDuplicates(
    looked.filter(({ bad }) => bad === undefined),
    { ...(signal && { signal }), onProgress: (done, total) => onProgress?.("compare", done, total) },
  );
  const kinds = new Map<string, { set: string | undefined; message: string; groups: string[] }>();
  for (const group of groups) {
    const sets = [...new Set(group.map(({ set }) => set))];
    const tops = new Set(group.map(({ top }) => top));
    const message =
      sets.length > 1
        ? `the same pictures lie in ${sets.join(" and ")}`
        : tops.size > 1 && group[0]?.labelled
          ? "the same pictures lie in several classes"
          : "the same pictures come several times";
    const key = `${sets.join()}\n${message}`;
    const kind = kinds.get(key) ?? { set: sets.length > 1 ? undefined : sets[0], message, groups: [] };
    kind.groups.push(
      group
        .slice(0, 3)
        .map(({ path }) => findings.show(path))
        .join(" = "),
    );
    kinds.set(key, kind);
  }
  for (const { set, message, groups: examples } of kinds.values()) findings.add("warning", set, message, examples);
}

function describeSet(set: PlannedSet, scan: Scan | undefined, looked: readonly Looked[]): CheckedSet {
  const { name, root, pictures, classes } = set;
  const expected = { ...(pictures !== undefined && { pictures }), ...(classes !== undefined && { classes }) };
  if (scan === undefined) return { name, pictures: 0, classes: 0, bytes: 0, expected };
  const counts = [...countClasses(scan).values()].filter((count) => count > 0);
  const bytes = looked.reduce((sum, picture) => (picture.set === name ? sum + picture.size : sum), 0);
  return {
    name,
    ...(root !== undefined && { root }),
    pictures: scan.pictures.length,
    classes: counts.length,
    ...(counts.length > 0 && {
      smallest: counts.reduce((a, b) => Math.min(a, b)),
      largest: counts.reduce((a, b) => Math.max(a, b)),
    }),
    bytes,
    expected,
  };
}

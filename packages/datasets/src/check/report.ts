import { relative, sep } from "node:path";

/**
 * Something that `checkFolder` found: an `error` keeps the folder from what the benchmark expects, a `warning` may make numbers wrong,
 * a `hint` says what may be the cause or is worth knowing. `count` files, classes or groups are concerned; `examples` are the first of them,
 * paths relative to the checked folder where they lie in it.
 *
 * @example
 * ```ts
 * import type { DataProblem } from "@locoop/datasets";
 *
 * const problem: DataProblem = { severity: "error", set: "SUN", message: "empty files", count: 1, examples: ["SUN/images/1.jpg"] };
 * console.log(problem.severity);
 * ```
 */
export interface DataProblem {
  readonly severity: "error" | "warning" | "hint";
  /** The set it is about; none for the folder as a whole. */
  readonly set?: string;
  readonly message: string;
  readonly count: number;
  readonly examples: readonly string[];
}

/**
 * One set of pictures as `checkFolder` found it: `root` is its folder (none: not there), `classes` its folders with pictures, `smallest` and `largest`
 * the pictures in the smallest and largest of them, `bytes` its size; `expected` what the benchmark has, where that is known.
 *
 * @example
 * ```ts
 * import type { CheckedSet } from "@locoop/datasets";
 *
 * const set: CheckedSet = { name: "SUN", root: "/data/SUN", pictures: 10000, classes: 1, bytes: 3e9, expected: { pictures: 10000 } };
 * console.log(set.pictures === set.expected.pictures); // → true
 * ```
 */
export interface CheckedSet {
  readonly name: string;
  readonly root?: string;
  readonly pictures: number;
  readonly classes: number;
  readonly smallest?: number;
  readonly largest?: number;
  readonly bytes: number;
  readonly expected: { readonly pictures?: number; readonly classes?: number };
}

/**
 * What `checkFolder` returns: the `sets`, the `problems` (errors first), and whether the expectation is `met`, which is when no problem is an error.
 *
 * @example
 * ```ts
 * import type { FolderReport } from "@locoop/datasets";
 *
 * const report: FolderReport = { root: "/data", benchmarks: ["ood"], sets: [], problems: [], met: true };
 * console.log(report.met);
 * ```
 */
export interface FolderReport {
  readonly root: string;
  readonly benchmarks: ReadonlyArray<"imagenet" | "ood" | "folders">;
  readonly sets: readonly CheckedSet[];
  readonly problems: readonly DataProblem[];
  readonly met: boolean;
}

const EXAMPLES = 3;

/** Collects problems; examples become relative to the root. */
export interface Findings {
  readonly problems: DataProblem[];
  /** Adds a problem; a list that is empty adds none. `of` are paths, or names as they stand. */
  add(severity: DataProblem["severity"], set: string | undefined, message: string, of?: readonly string[]): void;
  /** A path as the report shows it. */
  show(path: string): string;
}

export function createFindings(root: string): Findings {
  const problems: DataProblem[] = [];
  const show = (path: string): string => {
    const below =
      path === root || path.startsWith(root.endsWith(sep) ? root : root + sep) ? relative(root, path) : path;
    return below === "" ? "." : below.split(sep).join("/");
  };
  return {
    problems,
    show,
    add(severity, set, message, of) {
      if (of?.length === 0) return;
      const examples = (of ?? []).slice(0, EXAMPLES).map(show);
      problems.push({ severity, ...(set !== undefined && { set }), message, count: of?.length ?? 1, examples });
    },
  };
}

import type { ScoreList } from "./checks.js";
import { aurocOf } from "./metrics/auroc.js";
import { auprOf, type AuprMethod } from "./metrics/aupr.js";
import { mergeScores, type Positive } from "./metrics/curve.js";
import { fprOf, type FprRule } from "./metrics/fpr-at-tpr.js";
import { sortScores } from "./metrics/sort.js";

/** The conventions of one table; the defaults are the paper's. Never mix them in one table. */
export interface Conventions {
  /** Which side is positive, for AUPR and FPR95 alike. */
  readonly positive: Positive;
  /** How FPR95 picks its threshold. */
  readonly rule: FprRule;
  /** How AUPR takes its area. */
  readonly method: AuprMethod;
}

/** AUROC, AUPR and FPR95 as fractions. */
export interface Measures {
  readonly auroc: number;
  readonly aupr: number;
  readonly fpr95: number;
}

/** One OOD set against the ID images: its measures and how many images of each side went in. */
export interface EvaluationRow extends Measures {
  readonly set: string;
  readonly id: number;
  readonly ood: number;
}

/** A table: one row per OOD set, their plain average, and the conventions used. */
export interface Evaluation {
  readonly rows: readonly EvaluationRow[];
  readonly average: Measures;
  readonly conventions?: Conventions;
}

/**
 * Measures one score's ID values against each OOD set: AUROC, AUPR and FPR95 per set and their plain average.
 *
 * Fractions; higher score = more in-distribution. Each list is sorted once, the ID scores for all sets together, so
 * this is faster than the single metrics one by one. Throws when there is no set, and on an empty list or NaN, naming
 * the set. The defaults are the paper's conventions.
 *
 * @example
 * ```ts
 * import { evaluate, toMarkdown } from "@locoop/ood-metrics";
 * const evaluation = evaluate([0.9, 0.8, 0.4], { SUN: [0.3, 0.4], Places: [0.5, 0.1] });
 * console.log(toMarkdown(evaluation));
 * ```
 */
export function evaluate(
  id: ScoreList,
  sets: Readonly<Record<string, ScoreList>>,
  { positive = "id", rule = "nearest", method = "average-precision" }: Partial<Conventions> = {},
): Evaluation {
  const conventions = { positive, rule, method };
  const entries = Object.entries(sets);
  if (entries.length === 0) {
    throw new RangeError("evaluate: expected at least one OOD set, got none; pass { name: scores }");
  }
  const ids = naming("evaluate", () => sortScores(id, "ID"));
  const rows = entries.map(([set, ood]) =>
    naming(`evaluate, set ${JSON.stringify(set)}`, () => evaluateSet(set, ids, ood, conventions)),
  );
  const mean = (key: keyof Measures): number => rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  return { rows, average: { auroc: mean("auroc"), aupr: mean("aupr"), fpr95: mean("fpr95") }, conventions };
}

function evaluateSet(set: string, ids: Float64Array, ood: ScoreList, conventions: Conventions): EvaluationRow {
  const { positive, rule, method } = conventions;
  const curve = mergeScores(ids, sortScores(ood, "OOD"));
  return {
    set,
    auroc: aurocOf(curve),
    aupr: auprOf(curve, { positive, method }),
    fpr95: fprOf(curve, { tpr: 0.95, positive, rule }),
    id: ids.length,
    ood: ood.length,
  };
}

function naming<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new Error(`${where}: ${(cause as Error).message}`, { cause });
  }
}

import { sharesAbove } from "./curves.js";
import { groupResults, mainRun } from "./groups.js";
import type { MethodResult } from "./types.js";

/** How a method does on one class, mean over its runs; NaN without a picture. */
export interface ClassValues {
  readonly accuracy: number;
  /** Of the class's pictures against those of each OOD set, mean over the sets. */
  readonly auroc: number;
}

/** Classes down, methods across. */
export interface PerClass {
  readonly score: string;
  readonly methods: readonly string[];
  /** Which of the methods the classes are ordered by. */
  readonly main: number;
  readonly rows: readonly {
    readonly label: number;
    readonly pictures: number;
    readonly values: readonly ClassValues[];
  }[];
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** For each ID score the chance that it is above an OOD score, ties counting half; mean over the sets. */
function chances(id: Float64Array, sets: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(id.length);
  const thresholds = [...id];
  for (const set of sets.filter(({ length }) => length > 0)) {
    const atLeast = sharesAbove(set, thresholds);
    // Above x is at least the next number after x: by symmetry, below is the share of negatives above.
    const atMost = sharesAbove(
      set.map((value) => -value),
      thresholds.map((value) => -value),
    );
    for (let i = 0; i < id.length; i++) out[i]! += (atMost[i]! + (1 - atLeast[i]!)) / 2 / sets.length;
  }
  return out;
}

function classValues(
  run: MethodResult,
  score: string,
  classes: number,
): { count: Float64Array; right: Float64Array; auroc: Float64Array } {
  const [count, right, auroc] = [new Float64Array(classes), new Float64Array(classes), new Float64Array(classes)];
  const { labels, predictions } = run.pictures!.id;
  const { id, ood, evaluation } = run.scores[score]!;
  const above = chances(
    id,
    evaluation.rows.map(({ set }) => ood[set]).filter((set) => set !== undefined),
  );
  labels.forEach((label, i) => {
    count[label]! += 1;
    if (predictions[i] === label) right[label]! += 1;
    auroc[label]! += above[i]!;
  });
  return { count, right, auroc };
}

/** Accuracy and AUROC of every class that has pictures, by the first score; undefined where no run kept its pictures. */
export function perClass(methods: readonly MethodResult[], classes: number): PerClass | undefined {
  const known = methods.filter((run) => run.pictures && Object.keys(run.scores).length > 0);
  const score = Object.keys(known[0]?.scores ?? {})[0];
  if (score === undefined || classes === 0) return undefined;
  const groups = groupResults(known.filter((run) => run.scores[score]));
  const shown = mainRun(known)?.run;
  const main = Math.max(
    0,
    groups.findIndex(({ runs }) => runs.includes(shown!)),
  );
  const values = groups.map(({ runs }) => runs.map((run) => classValues(run, score, classes)));
  const rows = Array.from({ length: classes }, (_, label) => ({
    label,
    pictures: Math.max(...values.flat().map(({ count }) => count[label]!)),
    values: values.map((runs) => ({
      accuracy: mean(runs.map(({ count, right }) => right[label]! / count[label]!)),
      auroc: mean(runs.map(({ count, auroc }) => auroc[label]! / count[label]!)),
    })),
  })).filter(({ pictures }) => pictures > 0);
  return rows.length === 0 ? undefined : { score, methods: groups.map(({ name }) => name), main, rows };
}

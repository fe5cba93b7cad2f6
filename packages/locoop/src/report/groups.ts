import { labelRuns } from "./summarise.js";
import { methodLabel } from "./table.js";
import type { MethodResult } from "./types.js";

/** Runs that differ in their seed alone, and what they are called. */
export interface RunGroup {
  readonly name: string;
  readonly runs: readonly MethodResult[];
}

/** The runs by method, settings and shots, in the order given. */
export function groupResults(methods: readonly MethodResult[]): RunGroup[] {
  const labels = labelRuns(methods);
  const groups = new Map<string, MethodResult[]>();
  methods.forEach((run, i) => {
    const name = methodLabel({ method: labels[i]!, shots: run.shots });
    groups.set(name, [...(groups.get(name) ?? []), run]);
  });
  return [...groups].map(([name, runs]) => ({ name, runs }));
}

/** A run by name and, where it has one, seed. */
export const runName = (name: string, { seed }: Pick<MethodResult, "seed">): string =>
  seed === undefined ? name : `${name}, seed ${seed}`;

/** The run that single pictures are shown of: the first LoCoOp, else the last; only runs with scores. */
export function mainRun(methods: readonly MethodResult[]): { run: MethodResult; name: string } | undefined {
  const groups = groupResults(methods.filter(({ scores }) => Object.keys(scores).length > 0));
  const group = groups.find(({ runs }) => runs[0]!.method.toLowerCase().startsWith("locoop")) ?? groups.at(-1);
  return group && { run: group.runs[0]!, name: runName(group.name, group.runs[0]!) };
}

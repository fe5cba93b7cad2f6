import { realpath } from "node:fs/promises";
import { labelRuns, methodLabel } from "../report/index.js";
import { UsageError } from "./errors.js";
import type { Run, RunConfig } from "./run-folder.js";

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What a run was made with but method, shots and seed: runs that agree in all of it are seeds of one another. */
export function comparedSettings({ settings }: Pick<RunConfig, "settings">): Record<string, string> {
  const { method: _method, shots: _shots, seed: _seed, learnerOptions, ...rest } = settings;
  const flat: Record<string, string> = {};
  for (const [key, value] of Object.entries(rest)) flat[key] = text(value);
  for (const [key, value] of Object.entries(learnerOptions))
    flat[Object.hasOwn(flat, key) ? `learner option ${key}` : key] = text(value);
  return flat;
}

type Compared = Pick<Run, "dir"> & { readonly config: Pick<RunConfig, "settings" | "model"> };

/**
 * Refuses runs that cannot stand in one table: one that comes twice, two of the same settings and seed (a mean would count it
 * twice), and runs of different activations, which one pass over the pictures cannot serve.
 */
export async function checkComparable(runs: readonly Compared[]): Promise<void> {
  const places = new Map<string, string>();
  const made = new Map<string, string>();
  let known: RunConfig["model"]["activation"];
  for (const run of runs) {
    const { dir, config } = run;
    const place = await realpath(dir).catch(() => dir);
    if (places.has(place))
      throw new UsageError(
        `--run: ${dir} comes twice${places.get(place) === dir ? "" : ` (as ${places.get(place)}, too)`}; a mean would count it twice: name it once`,
      );
    places.set(place, dir);
    const { method, shots, seed } = config.settings;
    const flat = comparedSettings(config);
    const keys = Object.keys(flat).sort();
    const key = JSON.stringify([method, shots, seed, keys.map((name) => [name, flat[name]])]);
    const twin = made.get(key);
    if (twin !== undefined)
      throw new UsageError(
        `--run: ${twin} and ${dir} have the same settings and the same seed (${seed}), which a mean would count twice: leave one out, or evaluate them apart`,
      );
    made.set(key, dir);
    // An older run does not say which it was: the weights' own, then.
    const { activation = known } = config.model;
    known ??= activation;
    if (activation !== known)
      throw new UsageError(
        `--run: the runs before ${dir} were trained with the activation ${known}, it with ${activation}; evaluate them apart`,
      );
  }
}

/** Settings of all runs for a report: one value where they agree, else each value with the methods that have it. */
export function describeSettings(configs: readonly Pick<RunConfig, "settings">[]): Record<string, string> {
  const list = (values: readonly (string | number)[]): string => [...new Set(values)].join(", ");
  const flat = configs.map(comparedSettings);
  const named = labelRuns(configs.map(({ settings }, i) => ({ method: settings.method, settings: flat[i] })));
  const labels = configs.map(({ settings }, i) => methodLabel({ method: named[i]!, shots: settings.shots }));
  const described: Record<string, string> = {};
  if (configs.length === 0) return described;
  described["method"] = list(configs.map(({ settings }) => settings.method));
  described["shots"] = list(configs.map(({ settings }) => settings.shots));
  described["seed"] = list(configs.map(({ settings }) => settings.seed));
  for (const key of new Set(flat.flatMap((settings) => Object.keys(settings)))) {
    const holders = new Map<string, string[]>();
    flat.forEach((settings, i) => {
      const value = settings[key] ?? "not set";
      holders.set(value, [...(holders.get(value) ?? []), labels[i]!]);
    });
    described[key] =
      holders.size === 1
        ? [...holders.keys()][0]!
        : [...holders].map(([value, who]) => `${value}: ${list(who)}`).join("; ");
  }
  return described;
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EpochMetrics } from "../report/index.js";
import { runFiles } from "./run-folder.js";

/** What a run recorded of its training, as means per epoch; undefined if there is nothing of it. */
export async function readTraining(dir: string): Promise<EpochMetrics[] | undefined> {
  const text = await readFile(join(dir, runFiles.metrics), "utf8").catch(() => "");
  const sums = new Map<number, { steps: number; values: Map<string, number> }>();
  for (const line of text.split("\n")) {
    const step = parse(line);
    if (step === undefined) continue;
    const { epoch, step: _, ...values } = step;
    const sum = sums.get(epoch!) ?? { steps: 0, values: new Map<string, number>() };
    sum.steps++;
    for (const [name, value] of Object.entries(values)) sum.values.set(name, (sum.values.get(name) ?? 0) + value);
    sums.set(epoch!, sum);
  }
  const epochs = [...sums].sort(([a], [b]) => a - b);
  if (epochs.length === 0) return undefined;
  return epochs.map(([epoch, { steps, values }]) => ({
    epoch: epoch + 1,
    values: Object.fromEntries([...values].map(([name, sum]) => [name, sum / steps])),
  }));
}

/** One line of `metrics.jsonl`: its numbers. A line cut off by a full disk is no reason to show none of the others. */
function parse(line: string): Record<string, number> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (value === null || typeof value !== "object") return undefined;
  const numbers = Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  const step = Object.fromEntries(numbers);
  return step["epoch"] === undefined ? undefined : step;
}

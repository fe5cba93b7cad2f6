import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Floats, readSafetensors, writeSafetensors } from "@locoop/clip";
import { type Learner, variableName } from "@locoop/prompt-learning";
import { exists, inFile, writeWhole } from "./files.js";
import { runFiles } from "./run-folder.js";

// A few stages tell how a run learned; early epochs change most.
const STAGES = [1, 2, 5, 10, 20, 50, 100, 200, 500];
// In fewer epochs there is not much to see.
const LEAST_EPOCHS = 5;
// Of one stage: contexts of a thousand classes each would take more room than the run.
const MOST_NUMBERS = 1_000_000;

const fileOf = (dir: string, epoch: number): string => join(dir, runFiles.history, `epoch-${epoch}.safetensors`);

/** Keeps the learner's variables after some epochs, so that a report can show what changed; `epoch` counts those done. */
export async function keepStage(
  dir: string,
  { epoch, epochs, learner }: { epoch: number; epochs: number; learner: Learner },
): Promise<void> {
  const numbers = learner.variables.reduce((sum, { size }) => sum + size, 0);
  if (epochs < LEAST_EPOCHS || epoch >= epochs || !STAGES.includes(epoch) || numbers > MOST_NUMBERS) return;
  const variables: Record<string, Floats> = {};
  for (const variable of learner.variables)
    variables[variableName(variable)] = { data: (await variable.data()) as Float32Array, shape: variable.shape };
  await writeWhole(fileOf(dir, epoch), writeSafetensors(variables));
}

/** What a run kept: epochs done, and the learner's variables then, by name; the end of the training is the last. */
export async function readStages(
  dir: string,
  epochs: number,
): Promise<{ epoch: number; variables: Record<string, Floats> }[]> {
  const stages = [];
  for (const epoch of [...STAGES.filter((stage) => stage < epochs), epochs]) {
    const path = epoch === epochs ? join(dir, runFiles.prompt) : fileOf(dir, epoch);
    if (!(await exists(path))) continue;
    const bytes = await readFile(path);
    const { tensors } = inFile(path, () => readSafetensors(bytes));
    const variables: Record<string, Floats> = {};
    for (const [name, { data, shape }] of tensors) if (data instanceof Float32Array) variables[name] = { data, shape };
    stages.push({ epoch, variables });
  }
  return stages;
}

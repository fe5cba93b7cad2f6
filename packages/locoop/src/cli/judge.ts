import type { Clip, Floats } from "@locoop/clip";
import type { CoopPosition } from "@locoop/prompt-learning";
import { defaultTopK } from "../default-top-k.js";
import { readClassList } from "../node/class-list.js";
import { checkWeights, modelOf } from "../node/detection.js";
import type { EngineChoice } from "../node/engine.js";
import { UsageError } from "../node/errors.js";
import type { ModelSpec } from "../node/model.js";
import { describePrompt, openPublishedPrompt, publishedFeatures, type PublishedPrompt } from "../node/published-run.js";
import { readRun, type Run, type RunClass } from "../node/run-folder.js";
import { resolveWeights } from "../node/weights-name.js";
import { notice } from "./output.js";

/** Opens a published prompt and says what it is. */
export async function openPrompt(path: string, { position }: { position?: CoopPosition }): Promise<PublishedPrompt> {
  const prompt = await openPublishedPrompt(path, { position });
  for (const line of prompt.notices) notice(`notice: ${line}`);
  notice(`checkpoint: ${describePrompt(prompt)}`);
  return prompt;
}

/** The options by which `detect` and `visualize` are told what to judge by. */
export interface JudgeFlags {
  run?: string;
  checkpoint?: string;
  weights?: string;
  classNames?: string;
  position?: CoopPosition;
  activation?: "quick_gelu" | "gelu";
}

/** What pictures are judged by: a run, or a published prompt and a list of class names. */
export interface Judge {
  readonly run?: Run;
  readonly classes: readonly RunClass[];
  readonly classNames: readonly string[];
  /** K of the training, or the default where it is not known. */
  readonly topK: number;
  modelFor(engine: EngineChoice): ModelSpec;
  /** [C,E]; a published prompt goes through the text tower for them. */
  classFeatures(clip: Clip): Promise<Floats>;
}

/** Reads what the options name and checks that they fit together; computes nothing. */
export async function openJudge(flags: JudgeFlags): Promise<Judge> {
  if ((flags.run === undefined) === (flags.checkpoint === undefined))
    throw new UsageError("give either --run DIR or --checkpoint FILE");
  return flags.checkpoint === undefined ? judgeOfRun(flags.run!, flags) : judgeOfCheckpoint(flags.checkpoint, flags);
}

async function judgeOfRun(dir: string, flags: JudgeFlags): Promise<Judge> {
  for (const [name, given] of [
    ["--class-names", flags.classNames],
    ["--position", flags.position],
    ["--activation", flags.activation],
  ] as const)
    if (given !== undefined) throw new UsageError(`${name} goes with --checkpoint; a run knows its own`);
  const run = await readRun(dir);
  const weights = await resolveWeights(flags.weights ?? run.config.model.weights);
  await checkWeights(run, weights);
  const { classes, classNames, classFeatures, config } = run;
  return {
    run,
    classes,
    classNames,
    topK: config.settings.topK,
    modelFor: (engine) => modelOf(run, { weights, engine }),
    classFeatures: async () => classFeatures,
  };
}

async function judgeOfCheckpoint(path: string, flags: JudgeFlags): Promise<Judge> {
  if (flags.weights === undefined)
    throw new UsageError("--checkpoint needs --weights FILE: a checkpoint holds contexts, and no CLIP");
  if (flags.classNames === undefined)
    throw new UsageError("--checkpoint needs --class-names FILE: a checkpoint does not hold the names of its classes");
  const classes = await readClassList(flags.classNames);
  const classNames = classes.map(({ name }) => name);
  const weights = await resolveWeights(flags.weights);
  const prompt = await openPrompt(path, flags);
  return {
    classes,
    classNames,
    topK: defaultTopK(classes.length),
    modelFor: (engine) => ({ weights, engine, ...(flags.activation && { activation: flags.activation }) }),
    classFeatures: (clip) => publishedFeatures(clip, prompt, classNames),
  };
}

import { createSimilarity, type Floats, type Similarity, type TextTower } from "@locoop/clip";
import { tfjsEngine } from "@locoop/clip/tfjs";
import * as tf from "@tensorflow/tfjs";
import { assign, restore, type Checkpoint, type FitSettings } from "./checkpoint.js";
import { createStepChecks } from "./finite.js";
import { lossGradient, type LossGradient, type TrainingBatch } from "./gradient.js";
import { variableName, type Learner } from "./learner.js";
import { crossEntropyLoss, type Loss } from "./loss.js";
import { sgdStep, type Sgd } from "./optimizer.js";
import { learningRateAt, type Schedule } from "./schedule.js";

/** What `fit` trains, on what, and how. */
export interface FitOptions {
  readonly learner: Learner;
  /** The frozen text tower, in any engine. */
  readonly text: TextTower;
  /** Compares pictures with classes, as a CLIP's `similarity` does in its engine; default: on TensorFlow.js' current backend. */
  readonly similarity?: Similarity;
  /** What cosines are multiplied by: exp of CLIP's `logit_scale`. */
  readonly logitScale: number;
  /** The batches of an epoch (from 0), beginning with batch `firstStep`, which is above 0 only in the first epoch after a resume. */
  readonly batches: (epoch: number, firstStep: number) => AsyncIterable<TrainingBatch>;
  /** Ends each epoch after so many steps; without it an epoch is all its batches. */
  readonly stepsPerEpoch?: number;
  /** Default: the learner's own loss if it has one, else `crossEntropyLoss`. */
  readonly loss?: Loss;
  readonly epochs?: number;
  readonly optimizer?: Partial<Sgd>;
  readonly schedule?: Partial<Schedule>;
  /** What the classes are called in errors; without it they are counted from 0. */
  readonly classNames?: readonly string[];
  /** Stops training between steps, or within one without effect on the variables. */
  readonly signal?: AbortSignal;
  /** Continues after this checkpoint, which is first restored into the learner. */
  readonly resume?: Checkpoint;
}

/** One finished step of training; the learner's variables already have its result. */
export interface FitStep {
  /** From 0. */
  readonly epoch: number;
  /** Within the epoch, from 0. */
  readonly step: number;
  readonly learningRate: number;
  /** Before the step. */
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  /** Of the loss, before weight decay and momentum, by variable. */
  readonly gradient: Readonly<Record<string, Floats>>;
  /** The state after this step, also when called later. */
  checkpoint(): Promise<Checkpoint>;
}

interface State {
  readonly values: Readonly<Record<string, Floats>>;
  readonly velocity: Readonly<Record<string, Floats>>;
}

/**
 * Trains a learner through the frozen text tower by SGD, as an async generator of finished steps; defaults are those
 * of CoOp and LoCoOp (50 epochs, learning rate 0.002, momentum 0.9, weight decay 5e-4, one warm-up epoch at 1e-5).
 *
 * Leaving the loop at any step, by `break`, an error or the signal, leaves the variables as of the last finished step
 * and nothing in memory. Learner and loss run on TensorFlow.js' current backend.
 *
 * @throws if the learner has no variables, an epoch no batch, or a batch does not fit the classes; if features, loss,
 *   gradient or variables are not finite, with epoch, step, and the picture, class or variable (the variables then keep
 *   the last good values); the signal's reason when aborted.
 * @example
 * ```ts
 * import { coop, fit } from "@locoop/prompt-learning";
 * import { toyBatches, toyContext, toyText } from "@locoop/prompt-learning/toy";
 *
 * const learner = coop.create(toyContext({ classNames: ["hen", "tench"] }), { contexts: 4 });
 * for await (const { epoch, loss } of fit({ learner, text: toyText(), logitScale: 10, batches: toyBatches({ classes: 2 }), epochs: 3 })) {
 *   console.log(epoch, loss);
 * }
 * learner.dispose();
 * ```
 */
export async function* fit({
  learner,
  text,
  similarity = createSimilarity({ session: tfjsEngine({ tf }).open() }), // it uploads nothing that outlives a call
  logitScale,
  batches,
  stepsPerEpoch = Infinity,
  loss = learner.loss ?? crossEntropyLoss,
  epochs = 50,
  optimizer: { learningRate = 0.002, momentum = 0.9, weightDecay = 5e-4 } = {},
  schedule: { warmupEpochs = 1, warmupLearningRate = 1e-5 } = {},
  classNames,
  signal,
  resume,
}: FitOptions): AsyncGenerator<FitStep, void, undefined> {
  const settings = { epochs, learningRate, momentum, weightDecay, warmupEpochs, warmupLearningRate };
  checkLearner(learner);
  if (resume) {
    checkSettings(settings, resume.settings);
    restore(learner, resume);
  }
  let velocity = resume?.velocity ?? {};
  for (let epoch = resume?.epoch ?? 0; epoch < epochs; epoch++) {
    const rate = learningRateAt(epoch, settings);
    const firstStep = epoch === resume?.epoch ? resume.step : 0;
    if (firstStep >= stepsPerEpoch) continue;
    let step = firstStep;
    for await (const batch of abortable(batches(epoch, firstStep), signal)) {
      const checks = createStepChecks({ epoch, step, rate, classNames, batch });
      const result = await lossGradient(batch, { learner, text, similarity, loss, logitScale, checks, signal });
      const state = await nextState(learner, result, velocity, { learningRate: rate, momentum, weightDecay });
      signal?.throwIfAborted();
      checks.variables(state.values);
      for (const variable of learner.variables) assign(variable, state.values[variableName(variable)]!);
      velocity = state.velocity;
      const done = { learner: learner.name, options: learner.options, epoch, step: step + 1, settings };
      yield { epoch, step, learningRate: rate, ...result, checkpoint: async () => snapshot(done, state) };
      step++;
      if (step >= stepsPerEpoch) break;
    }
    if (step === 0) throw new Error(`Epoch ${epoch} has no batch; give "batches" at least one picture.`);
  }
}

/** What the optimiser makes of a step; new arrays, so that earlier states stay what they were. */
async function nextState(
  learner: Learner,
  { gradient }: LossGradient,
  velocity: Readonly<Record<string, Floats>>,
  sgd: Sgd,
): Promise<State> {
  const next = { values: {} as Record<string, Floats>, velocity: {} as Record<string, Floats> };
  for (const variable of learner.variables) {
    const name = variableName(variable);
    const { shape } = variable;
    const values = (await variable.data()) as Float32Array;
    const before = velocity[name]?.data ?? new Float32Array(values.length);
    const slope = gradient[name]?.data;
    // Without a gradient a variable stays as it is, as in PyTorch: no weight decay either.
    const after = slope ? sgdStep(values, slope, before, sgd) : { values, velocity: before };
    next.values[name] = { data: after.values, shape };
    next.velocity[name] = { data: after.velocity, shape };
  }
  return next;
}

function snapshot(done: Omit<Checkpoint, "variables" | "velocity">, { values, velocity }: State): Checkpoint {
  const copy = (record: State["values"]): Record<string, Floats> =>
    Object.fromEntries(Object.entries(record).map(([name, { data, shape }]) => [name, { data: data.slice(), shape }]));
  return { ...done, variables: copy(values), velocity: copy(velocity) };
}

/** The same items, but waiting for the next one ends when the signal fires, and the source is closed on leaving. */
async function* abortable<T>(source: AsyncIterable<T>, signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
  signal?.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let fail: (reason: unknown) => void = () => {};
  const aborted = new Promise<never>((_, reject) => (fail = reject));
  aborted.catch(() => {});
  const onAbort = (): void => fail(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done) return;
      yield next.value;
      signal?.throwIfAborted();
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    const closed = iterator.return?.();
    // An aborted source may still be busy with the item nobody wants: it is not waited for.
    if (signal?.aborted) closed?.catch(() => {});
    else await closed;
  }
}

function checkLearner(learner: Learner): void {
  if (learner.variables.length === 0) {
    throw new Error(
      `Learner "${learner.name}" has no variables, so there is nothing to train; use encodeClasses with it.`,
    );
  }
  const names = learner.variables.map(variableName);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new Error(`Learner "${learner.name}" has two variables named "${twice}"; give each its own name.`);
}

function checkSettings(now: FitSettings, then: FitSettings | undefined): void {
  for (const key of Object.keys(now) as (keyof FitSettings)[]) {
    if (then && then[key] !== now[key]) {
      throw new Error(
        `The checkpoint was made with ${key} = ${then[key]}; this run has ${now[key]}. Resume with the same settings.`,
      );
    }
  }
}

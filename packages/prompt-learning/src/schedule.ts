/** How the learning rate changes from epoch to epoch. */
export interface Schedule {
  /** Epochs at the constant warm-up rate. */
  readonly warmupEpochs: number;
  readonly warmupLearningRate: number;
}

/**
 * The learning rate of an epoch (from 0): a constant during warm-up, then half a cosine from `learningRate` towards 0.
 *
 * The cosine counts from the end of the warm-up but has the period of all epochs, as Dassl's `WARMUP_RECOUNT` has it,
 * so that it never reaches 0: with 50 epochs at 0.002, epoch 1 has 0.002 and epoch 49 has 7.885e-6.
 *
 * @example
 * ```ts
 * import { learningRateAt } from "@locoop/prompt-learning";
 *
 * const rates = { epochs: 50, learningRate: 0.002, warmupEpochs: 1, warmupLearningRate: 1e-5 };
 * console.log(learningRateAt(0, rates), learningRateAt(1, rates)); // → 0.00001 0.002
 * ```
 */
export function learningRateAt(
  epoch: number,
  { epochs, learningRate, warmupEpochs, warmupLearningRate }: { epochs: number; learningRate: number } & Schedule,
): number {
  if (epoch < warmupEpochs) return warmupLearningRate;
  return (learningRate / 2) * (1 + Math.cos((Math.PI * (epoch - warmupEpochs)) / epochs));
}

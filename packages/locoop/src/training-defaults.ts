/**
 * The settings of a training where nothing else is asked for, those of LoCoOp's paper and code; `crop` is the range of the crops'
 * area as a share of the picture's.
 *
 * @example
 * ```ts
 * import { trainingDefaults } from "locoop";
 *
 * console.log(trainingDefaults.epochs, trainingDefaults.lambda); // → 50 0.25
 * ```
 */
export const trainingDefaults = {
  shots: 16,
  seed: 1,
  lambda: 0.25,
  epochs: 50,
  batchSize: 32,
  learningRate: 0.002,
  momentum: 0.9,
  weightDecay: 5e-4,
  warmupEpochs: 1,
  warmupLearningRate: 1e-5,
  crop: [0.08, 1],
} as const;

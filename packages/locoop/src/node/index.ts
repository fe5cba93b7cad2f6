export { UsageError, escapeControls, errorLine } from "./errors.js";
export { type BackendName, defaultThreads, type EngineDescription, openEngine, parseBackend } from "./engine.js";
export { openDataset, type Unreadable } from "./data.js";
export { detectFiles, checkWeights, type FileDetection } from "./detection.js";
export {
  type EvaluatedMethod,
  evaluateMethods,
  type EvaluationOptions,
  type EvaluationResult,
  type PictureSet,
} from "./evaluation.js";
export { type PictureRequest, PICTURE_CHUNK } from "./features.js";
export { type ModelSpec, closeModel, openModel } from "./model.js";
export { type AnyLearner, type AnyScore, loadLearner, loadScore, type ScoreChoice } from "./plugins.js";
export {
  type CalibrationOrigin,
  type DetectorFile,
  readRun,
  type Run,
  type RunClass,
  type RunConfig,
  type RunSettings,
} from "./run-folder.js";
export type { Judgement, ScoredPicture } from "./scoring.js";
export type { TrainedRun, TrainProgress, TrainSpec } from "./train-run.js";
export { type TrainOptions, trainRuns } from "./training.js";
export { judgeRegions, type JudgedRegions, type LabelSource, writeRegions } from "./visualization.js";
export { createWorkshop, type JobOptions, type Workshop } from "./workshop.js";
export { zeroShotFeatures } from "./zero-shot.js";

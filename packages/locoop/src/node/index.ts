export {
  drawRegions,
  encodePng,
  fitPicture,
  formatTable,
  renderRegionPng,
  renderReport,
  summarise,
  toReportCsv,
  toReportJson,
  toReportMarkdown,
  writeReport,
} from "../report/index.js";
export type {
  DrawRegionsOptions,
  EpochMetrics,
  JudgedPictures,
  MethodResult,
  MethodSummary,
  Mistake,
  Mistakes,
  PictureCrop,
  RegionPicture,
  RegionProgress,
  ReportData,
  Rgb,
  ScoreResult,
  ScoreSummary,
  SetSummary,
  ShownPicture,
  Statistic,
  Summary,
} from "../report/index.js";
export { checkData, type CheckDataOptions } from "./check-data.js";
export { type Converted, convertFile, type ConvertOptions } from "./convert.js";
export type { Unreadable } from "./data.js";
export { detectFiles, type DetectFilesOptions, type FileDetection } from "./detection.js";
export {
  type BackendName,
  type EngineChoice,
  type EngineDescription,
  type EngineOptions,
  type OnnxDevice,
  type ResolvedEngine,
  resolveEngine,
} from "./engine.js";
export { escapeControls, UsageError } from "./errors.js";
export {
  evaluateMethods,
  type EvaluatedMethod,
  type EvaluationOptions,
  type EvaluationResult,
  type PictureSet,
} from "./evaluation.js";
export type { PictureRequest } from "./features.js";
export { importSplit, type ImportSplitOptions, type SplitImport } from "./import-split.js";
export { closeModel, type ModelSpec, openModel } from "./model.js";
export type { ScoreChoice } from "./plugins.js";
export { openPublishedPrompt, publishedFeatures, type PublishedPrompt } from "./published-run.js";
export { readRun } from "./run-folder.js";
export type { CalibrationOrigin, DetectorFile, Run, RunClass, RunConfig, RunSettings } from "./run-folder.js";
export type { Judgement, ScoredPicture } from "./scoring.js";
export { trainRuns, type TrainOptions } from "./training.js";
export type { CalibrationSet, TrainedRun, TrainProgress, TrainSpec } from "./train-run.js";
export {
  judgeRegions,
  type JudgedRegions,
  type JudgeRegionsOptions,
  type LabelSource,
  type RegionVerdict,
} from "./visualization.js";
export { type RegionFormat, writeRegions, type WriteRegionsOptions } from "./region-files.js";
export { resolveWeights } from "./weights-name.js";
export { createWorkshop, type JobOptions, type TrainAllOptions, type Workshop } from "./workshop.js";
export { zeroShotFeatures } from "./zero-shot.js";

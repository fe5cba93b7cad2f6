export { coop, type CoopOptions, type CoopPosition } from "./learners/coop.js";
export { learners } from "./learners/index.js";
export { template, type TemplateOptions } from "./learners/template.js";
export {
  createVariable,
  defineLearner,
  learnerContext,
  variableName,
  type Learner,
  type LearnerContext,
  type LearnerDefinition,
  type LearnerParts,
} from "./learner.js";
export { readCheckpoint, restore, writeCheckpoint, type Checkpoint, type FitSettings } from "./checkpoint.js";
export { readPublishedCheckpoint, type PublishedCheckpoint } from "./published-checkpoint.js";
export { encodeClasses } from "./encode-classes.js";
export { fit, type FitOptions, type FitStep } from "./fit.js";
export type { TrainingBatch } from "./gradient.js";
export { crossEntropyLoss, type Loss, type LossInput, type LossValue } from "./loss.js";
export { sgdStep, type Sgd } from "./optimizer.js";
export { learningRateAt, type Schedule } from "./schedule.js";

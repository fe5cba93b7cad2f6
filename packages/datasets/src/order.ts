// What decides which pictures are drawn and in which order: plain computation, for browsers too.
export { batches, countBatches, epochOrder } from "./batches.js";
export type { Batch, BatchOptions } from "./batches.js";
export type { Dataset, Item } from "./dataset.js";
export { sampleFewShot } from "./few-shot.js";
export type { FewShotOptions, FewShotSample } from "./few-shot.js";
export { pythonRandom } from "./python-random.js";
export type { PythonRandom } from "./python-random.js";

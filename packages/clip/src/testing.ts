export { describeEngine } from "./engines/describe-engine.js";
export { engineCases, formulaFloats, type EngineCase } from "./engines/cases.js";
export { formulaConfig, formulaResNetConfig, formulaWeights } from "./engines/tiny-clip.js";
export { referenceEngine, referenceOps, type Doubles } from "./engines/reference/index.js";
export type { AttentionOptions, ConvolutionOptions, Dim, Ops } from "./ops.js";
export type { Bytes, Engine, EngineSession, InputSpec, Program, Recorded } from "./engines/engine.js";
export type { Activation, ClipConfig, ResNetConfig, TextConfig, VisionConfig, VitConfig } from "./config.js";
export type { WeightMap } from "./weights/names.js";
export type { Floats } from "./floats.js";

export type { Floats } from "./floats.js";
export { decodeFloat16, encodeFloat16 } from "./float16.js";
export type { AttentionOptions, ConvolutionOptions, Dim, Ops } from "./ops.js";
export type { Bytes, Engine, EngineSession, InputSpec, Program, Recorded } from "./engines/engine.js";
export type {
  Compared,
  Encoded,
  ImageFeatures,
  ImageTower,
  PromptBatch,
  Similarity,
  TextTower,
} from "./towers/contracts.js";
export { createSimilarity } from "./towers/comparison.js";
export {
  inferConfig,
  regionGrid,
  type Activation,
  type ClipConfig,
  type ResNetConfig,
  type Shapes,
  type TextConfig,
  type VisionConfig,
  type VitConfig,
} from "./config.js";
export { createClip, type Clip } from "./clip.js";
export { readClip, type ClipOptions } from "./read-clip.js";
export { cosines, normalizeRows, type Cosines } from "./similarity.js";
export { blobSource, bytesSource, type BlobLike, type ByteSource } from "./weights/byte-source.js";
export type { ArchiveLimits, PickleLimits } from "./weights/limits.js";
export type { GlobalRef, InertObject, Pickled, StorageRef, TensorDtype, TensorRef } from "./weights/pickled.js";
export { stateDictOf } from "./weights/state-dict.js";
export { openTorchArchive, type TorchArchive } from "./weights/torch-archive.js";
export { unpickle, type UnpickleOptions } from "./weights/unpickle.js";
export { toOpenAiNames, type WeightMap } from "./weights/names.js";
export type { ModelConfig } from "./weights/model-config.js";
export { readWeights, type LoadedWeights } from "./weights/read-weights.js";
export { openTensorFile, type TensorFile } from "./weights/tensor-file.js";
export { readSafetensors, writeSafetensors } from "./weights/safetensors.js";
export type { HalfTensor, IntTensor } from "./weights/tensor-data.js";
export { createTokenizer, type Tokenizer } from "./tokenizer.js";
export { fillTemplate } from "./templates.js";
export type { RgbImage } from "./image.js";
export { centerCrop, cropFor, preprocess, resizeBicubic, resizeShortSide, type Crop } from "./resize.js";
export { applyAugmentation, sampleAugmentation, type Augmentation } from "./augment.js";
export { createRandom, type Random } from "./random.js";

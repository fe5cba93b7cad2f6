export { ImageError } from "./image-error.js";
export { openFileSource } from "./file-source.js";
export { readImage } from "./read-image.js";
export { loadWeights, type LoadedWeights } from "./load-weights.js";
export type { ModelConfig } from "./model-config.js";
export { loadClip } from "./load-clip.js";

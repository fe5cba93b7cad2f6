export { ImageError } from "../pictures/image-error.js";
export { openFileSource } from "./file-source.js";
export { readImage } from "./read-image.js";
export { loadWeights, type LoadedWeights } from "./load-weights.js";
export type { ModelConfig } from "./model-config.js";
export { loadClip } from "./load-clip.js";
export {
  download,
  type Downloaded,
  type DownloadOptions,
  type DownloadProgress,
  type DownloadTimeouts,
} from "./download.js";
export { DownloadError } from "./download-error.js";
export { findPublishedModel, type PublishedModel, publishedModels } from "./published-models.js";

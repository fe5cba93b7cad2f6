export type { RgbImage } from "../image.js";
export type { BlobLike } from "../weights/byte-source.js";
export { ImageError } from "../pictures/image-error.js";
export { decodeImage } from "./decode-image.js";

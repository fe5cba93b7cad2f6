// The drawing of the benchmark's pictures: plain computation, for browsers too.
export type { Concepts } from "./assets.js";
export type { RgbPicture } from "./canvas.js";
export { pictureDefaults } from "./compositor.js";
export type { PictureOptions } from "./compositor.js";
export { drawPicture, drawTexture } from "./picture.js";
export { createSpriteBook } from "./sprite-book.js";
export type { Sprite, SpriteBook, SpriteSheet } from "./sprite-book.js";
export { textureFamilies } from "./textures.js";
export type { TextureFamily } from "./textures.js";

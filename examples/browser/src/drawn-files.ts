import type { DrawnPicture } from "./messages.js";

/** A drawn picture for a canvas. */
export function toImageData({ data, width, height }: DrawnPicture): ImageData {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** Drawn pictures as PNG files, as if they had been dropped. */
export function toFiles(pictures: readonly DrawnPicture[]): Promise<File[]> {
  return Promise.all(
    pictures.map(async (picture) => {
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      canvas.getContext("2d")!.putImageData(toImageData(picture), 0, 0);
      return new File([await canvas.convertToBlob({ type: "image/png" })], picture.name, { type: "image/png" });
    }),
  );
}

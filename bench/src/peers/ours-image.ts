import { preprocess, type Augmentation } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { timed } from "../timed.js";
import type { Ours } from "./ours-model.js";
import { encodeViews } from "./ours-text.js";

/** The image tower on bytes, on files, and on augmented files. */
export function createImageWork({ clip, tensors }: Ours) {
  const size = clip.config.imageSize;
  const bytes = Uint8Array.from(tensors.get("pixels")!.data);
  return {
    /** Global and, with `local`, region features of pixels in memory; of the regions every 997th number is compared. */
    async tower({ batch, local }: { batch: number; local: boolean }) {
      const data = bytes.subarray(0, batch * size * size * 3);
      const { result: features, time } = await timed(() => clip.image.encode({ data, batch }, { local }));
      const regions = features.local?.data.filter((_, i) => i % 997 === 0) ?? [];
      return { ...time, values: Float32Array.of(...features.global.data, ...regions) };
    },
    /** Global features of picture files: decoded, resized and cut exactly, encoded. */
    async files({ paths }: { paths: readonly string[] }) {
      const { result, time } = await timed(async () => {
        const data = new Uint8Array(paths.length * size * size * 3);
        const put = async (path: string, i: number): Promise<void> =>
          data.set(preprocess(await readImage(path), size), i * size * size * 3);
        await Promise.all(paths.map(put));
        return clip.image.encode({ data, batch: paths.length });
      });
      return { ...time, values: result.global.data };
    },
    /** What training with cached views does once: augmented pictures to features. */
    async views(pictures: { paths: readonly string[]; crops: readonly Augmentation[] }) {
      return (await timed(() => encodeViews(clip, pictures))).time;
    },
  };
}

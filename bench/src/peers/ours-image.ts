import type { PictureRequest } from "locoop/node";
import { timed } from "../timed.js";
import type { Ours } from "./ours-model.js";

/** The image tower on bytes, on files, and on augmented files. */
export function createImageWork({ clip, workshop, tensors }: Ours) {
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
      const requests = paths.map((path) => ({ path }));
      const { result, time } = await timed(() => workshop.encode(requests, { local: false }));
      return { ...time, values: result.global.data };
    },
    /** What training with cached views does once: augmented pictures to features. */
    async views({ requests }: { requests: readonly PictureRequest[] }) {
      return (await timed(() => workshop.encode(requests, { local: true }))).time;
    },
  };
}

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors } from "@locoop/clip";
import type { Row } from "../context.js";
import { imageFlops } from "../flops.js";
import { sizes } from "../formula.js";
import { requireReference, startExporter, startTransformersJs } from "../peers/start.js";
import { relativeDistance } from "../statistics.js";
import { compare } from "./compare.js";

const batch = 8;

/** What a batch of pictures needs. */
export function picturesFlops(count: number, { local }: { local: boolean }): number {
  const { embed, imageSize, patch, vision } = sizes;
  const regions = (imageSize / patch) ** 2;
  return count * imageFlops({ ...vision, regions, patchPixels: 3 * patch * patch, embed, local });
}

const towerRow = (o: {
  id: string;
  what: string;
  against: string;
  op: string;
  local: boolean;
  goal?: string;
}): Row => ({
  ...o,
  async run(context) {
    if (o.against === "reference") requireReference();
    const [ours, python] = [await context.ours(), await context.python()];
    const { answers: _, ...result } = await compare(context, {
      ours: () => ours.call("image", { batch, local: o.local }),
      peer: () => python.call(o.op, { batch }),
      tolerance: 1e-3,
      flops: picturesFlops(batch, o),
    });
    return result;
  },
});

export const localRow = towerRow({
  id: "image",
  what: `image tower with local features, ${batch} pictures`,
  against: "reference",
  op: "image",
  local: true,
  goal: "ratio 2.4, fraction 0.85",
});

export const globalRow = towerRow({
  id: "transformers",
  what: `image tower, global features, ${batch} pictures`,
  against: "transformers",
  op: "hugging_face_image",
  local: false,
});

export const pipelineRow: Row = {
  id: "transformers-js",
  what: "32 picture files to global features, decoding and resizing included, ours resized exactly",
  against: "transformers.js on our exported graph",
  goal: "ratio 1.0",
  async run(context) {
    const ours = await context.ours();
    const { pictures: paths, weights, inputs } = context.inputs;
    const folder = join(weights, "../exported");
    await (await startExporter(context.inputs, { ...context.settings, folder: join(folder, "onnx") })).close();
    const peer = await startTransformersJs(folder, context.settings);
    try {
      const pixels = readSafetensors(await readFile(inputs)).tensors.get("pixels")!;
      const path = join(folder, "pixels.bin");
      await writeFile(path, Uint8Array.from(pixels.data.subarray(0, batch * sizes.imageSize ** 2 * 3)));
      const given = await Promise.all([
        ours.call("image", { batch, local: false }),
        peer.call("image", { path, batch }),
      ]);
      const { answers: _, ...result } = await compare(context, {
        ours: () => ours.call("picture_files", { paths }),
        peer: () => peer.call("picture_files", { paths }),
        tolerance: 1e-3,
        // Their resizing is not Pillow's: results are compared on pictures that need none.
        distance: () => relativeDistance(given[0].values!, given[1].values!),
        flops: picturesFlops(paths.length, { local: false }),
      });
      return { ...result, note: `transformers.js ${peer.version}` };
    } finally {
      await peer.close();
    }
  },
};

export const buildRow: Row = {
  id: "build",
  what: "session of the image tower (without local features)",
  against: "ONNX Runtime loading the exported file",
  goal: "ratio 0.67 (1.5 times)",
  async run(context) {
    const folder = join(context.inputs.weights, "../exported/onnx");
    const exporter = await startExporter(context.inputs, { ...context.settings, folder });
    try {
      const { answers: _, ...result } = await compare(context, {
        ours: () => exporter.call("from_memory"),
        peer: () => exporter.call("from_file", { folder }),
        tolerance: 0,
      });
      return { ...result, check: undefined };
    } finally {
      await exporter.close();
    }
  },
};

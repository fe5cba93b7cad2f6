import { inferConfig, type ClipConfig } from "../../config.js";
import { imagePrograms } from "../../towers/image-program.js";
import type { WeightMap } from "../../weights/names.js";
import type { Program } from "../engine.js";
import { encodeFile } from "./encode.js";
import { traceProgram } from "./trace.js";

/**
 * Writes the image tower as one self-contained ONNX file for other runtimes. Input `pixel_values` [B,3,S,S], normalised floats;
 * outputs `image_embeds` [B,E], not L2-normalised, and with `local` `local_embeds` [B,P,E]. Throws above ONNX's 2 GB a file.
 *
 * @example
 * ```ts
 * import { writeFile } from "node:fs/promises";
 * import { exportImageTower } from "@locoop/clip/onnx";
 * import type { WeightMap } from "@locoop/clip";
 *
 * async function save(weights: WeightMap) {
 *   await writeFile("image-tower.onnx", exportImageTower({ weights, local: true }));
 * }
 * ```
 */
export function exportImageTower({
  weights,
  config = inferConfig(weights).config,
  local = false,
}: {
  weights: WeightMap;
  config?: ClipConfig;
  local?: boolean;
}): Uint8Array {
  const tower = imagePrograms({ weights, config })({ local, bytes: false });
  const program: Program = {
    name: tower.name,
    inputs: [{ type: "float32", shape: [{ symbol: "B" }, 3, config.imageSize, config.imageSize] }],
    run: (ops, [pixels]) => tower.run(ops, [ops.transpose(pixels!, [0, 2, 3, 1])]),
  };
  const outputs = ["image_embeds", ...(local ? ["local_embeds"] : [])];
  return encodeFile(traceProgram(program, { inputs: ["pixel_values"], outputs }).graph);
}

import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { regionGrid } from "../../config.js";
import { imagePrograms } from "../../towers/image-program.js";
import { createImageTower } from "../../towers/image-tower.js";
import { formulaFloats } from "../cases.js";
import { referenceEngine } from "../reference/index.js";
import { formulaConfig, formulaResNetConfig, formulaWeights } from "../tiny-clip.js";
import { exportImageTower } from "./index.js";
import { traceProgram } from "./trace.js";

test.each([formulaConfig, formulaResNetConfig])(
  "$vision.kind: the exported file gives the tower's features",
  async (config) => {
    const weights = formulaWeights(config);
    const { imageSize: side, embedDim } = config;
    const regions = regionGrid(config) ** 2;
    const pixels = formulaFloats(1, [2, 3, side, side]);
    const tower = createImageTower({ session: referenceEngine().open(), weights, config, memoryLimit: 2 ** 30 });
    const wanted = await tower.encode(pixels, { local: true });
    for (const local of [true, false]) {
      const session = await ort.InferenceSession.create(exportImageTower({ weights, config, local }));
      const names = ["image_embeds", ...(local ? ["local_embeds"] : [])];
      expect([session.inputNames, session.outputNames]).toEqual([["pixel_values"], names]);
      const input = new ort.Tensor("float32", pixels.data, pixels.shape);
      const { image_embeds: global, local_embeds: each } = await session.run({ pixel_values: input });
      expect(global!.dims).toEqual([2, embedDim]);
      expect(each?.dims).toEqual(local ? [2, regions, embedDim] : undefined);
      const gap = (got: ort.Tensor, { data }: { data: Float32Array }) =>
        Math.max(...Array.from(got.data as Float32Array, (value, i) => Math.abs(value - data[i]!)));
      expect(gap(global!, wanted.global)).toBeLessThan(2e-5);
      if (each) expect(gap(each, wanted.local!)).toBeLessThan(2e-5);
      await session.release();
    }
  },
);

test("a ModifiedResNet's maps are transposed on the way in and out, never between", () => {
  const program = imagePrograms({ weights: formulaWeights(formulaResNetConfig), config: formulaResNetConfig })({
    local: true,
    bytes: true,
  });
  const operations = traceProgram(program).graph.nodes.map(({ op }) => op);
  const maps = operations.slice(operations.indexOf("Transpose"), operations.lastIndexOf("Transpose") + 1);
  expect(operations.filter((op) => op === "Transpose")).toHaveLength(2);
  expect(maps.filter((op) => op === "Conv")).toHaveLength(3 + 5 * 3 + 4);
});

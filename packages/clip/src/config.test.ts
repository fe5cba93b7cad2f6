import { expect, test } from "vitest";
import { inferConfig, type WeightMap } from "./config.js";
import { formulaConfig, formulaWeights } from "./engines/tiny-clip.js";

const without = (...names: string[]): WeightMap =>
  new Map([...formulaWeights()].filter(([name]) => !names.includes(name)));
const withShape = (name: string, shape: number[]): WeightMap =>
  new Map([...formulaWeights(), [name, { data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape }]]);

test("reads the architecture off the shapes and says what it assumes", () => {
  const { config, notices } = inferConfig(formulaWeights());
  const { mean: _mean, std: _std, ...sizes } = formulaConfig;
  expect(config).toMatchObject(sizes);
  expect(config.mean).toEqual([0.48145466, 0.4578275, 0.40821073]); // OpenAI's preprocessing
  expect(notices).toHaveLength(1);
  expect(notices[0]).toContain("QuickGELU is assumed");
  const chosen = inferConfig(formulaWeights(), { activation: "gelu", mean: [0, 0, 0] });
  expect(chosen.config.activation).toBe("gelu");
  expect(chosen.config.mean).toEqual([0, 0, 0]);
  expect(chosen.notices).toEqual([]);
});

test("refuses other models in one line that names what was expected and what came", () => {
  expect(() => inferConfig(new Map())).toThrow(
    "expected the weights of a CLIP under OpenAI's names: visual.conv1.weight is missing among 0 tensors (none ...)",
  );
  expect(() => inferConfig(without("text_projection"))).toThrow("text_projection is missing among");
  expect(() => inferConfig(without("transformer.resblocks.1.attn.out_proj.bias"))).toThrow("out_proj.bias is missing");
  expect(() => inferConfig(withShape("visual.proj", [64, 25]))).toThrow(
    "weights of another model: expected visual.proj of shape [64,24], came [64,25]",
  );
  expect(() => inferConfig(withShape("visual.conv1.weight", [64, 3, 4]))).toThrow("with 4 axes, came shape [64,3,4]");
  expect(() => inferConfig(withShape("visual.conv1.weight", [48, 3, 4, 4]))).toThrow("multiple of 64");
  expect(() => inferConfig(withShape("visual.layer1.0.conv1.weight", [4, 4, 1, 1]))).toThrow("ModifiedResNet");
  expect(() => inferConfig(withShape("logit_scale", [2]))).toThrow("one number as logit_scale, came shape [2]");
  expect(() => inferConfig(without("logit_scale"))).toThrow("came none");
});

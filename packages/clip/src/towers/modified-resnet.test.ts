import { expect, test } from "vitest";
import { referenceEngine } from "../engines/reference/index.js";
import { formulaConfig, formulaResNetConfig as config, formulaWeights } from "../engines/tiny-clip.js";
import type { Floats } from "../floats.js";
import { createImageTower } from "./image-tower.js";
import { readResNet } from "./resnet-layers.js";

const side = config.imageSize;
const data = Uint8Array.from({ length: 3 * side * side * 3 }, (_, i) => (i * 37) % 256);

test("a batch in parts gives what it gives whole, normalised bytes what bytes give", async () => {
  const session = referenceEngine().open();
  const weights = formulaWeights(config);
  const tower = (memoryLimit: number) => createImageTower({ session, weights, config, memoryLimit });
  const whole = await tower(2 ** 30).encode({ data, batch: 3 }, { local: true });
  expect(await tower(1).encode({ data, batch: 3 }, { local: true })).toEqual(whole);
  const normalised = new Float32Array(data.length); // [3, 3, S, S]
  data.forEach((value, i) => {
    const [image, at, c] = [Math.floor(i / 3 / side ** 2), Math.floor(i / 3) % side ** 2, i % 3];
    normalised[(image * 3 + c) * side ** 2 + at] = (value / 255 - config.mean[c]!) / config.std[c]!;
  });
  const floats = await tower(2 ** 30).encode({ data: normalised, shape: [3, 3, side, side] });
  floats.global.data.forEach((value, i) => expect(value).toBeCloseTo(whole.global.data[i]!, 4));
});

test("normalisations are folded by gain, offset and running statistics, in doubles", () => {
  const weights = new Map<string, Floats>(formulaWeights(config));
  const numbers = (name: string, ...values: number[]) =>
    weights.set(name, { data: Float32Array.from(values), shape: [values.length] });
  numbers("visual.bn1.weight", 3, -0.5);
  numbers("visual.bn1.bias", 1, 0.25);
  numbers("visual.bn1.running_mean", 2, -4);
  numbers("visual.bn1.running_var", 4 - 1e-5, 0);
  const { weight, bias } = readResNet(weights, config).stem[0]!;
  const before = weights.get("visual.conv1.weight")!.data;
  const scales = [3 / 2, -0.5 / Math.sqrt(1e-5)];
  weight.data.forEach((value, i) => expect(value / (before[i]! * scales[Math.floor(i / 27)]!)).toBeCloseTo(1, 6));
  expect(bias.data[0]).toBeCloseTo(1 - 2 * 1.5, 5);
  expect(bias.data[1]! / (0.25 + 4 * scales[1]!)).toBeCloseTo(1, 6);
});

test("another tower's configuration is refused", () => {
  expect(() => readResNet(formulaWeights(), formulaConfig)).toThrow(
    "expected a ModifiedResNet, came a tower of kind vit",
  );
});

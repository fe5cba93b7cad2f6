import { expect, it } from "vitest";
import { sgdStep } from "./optimizer.js";

// By hand, as torch.optim.SGD(lr=.1, momentum=.9, weight_decay=.01) does it from w = 1 with the gradients 2, -1:
// d = 2.01, v = 2.01, w = 0.799; then d = -1 + .00799 = -.99201, v = .81699, w = .717301.
it("steps as PyTorch's SGD with momentum and coupled weight decay", () => {
  const sgd = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 };
  const one = sgdStep(Float32Array.of(1), Float32Array.of(2), new Float32Array(1), sgd);
  expect(one.values[0]).toBeCloseTo(0.799, 6);
  expect(one.velocity[0]).toBeCloseTo(2.01, 6);
  const two = sgdStep(one.values, Float32Array.of(-1), one.velocity, sgd);
  expect(two.velocity[0]).toBeCloseTo(0.81699, 6);
  expect(two.values[0]).toBeCloseTo(0.717301, 6);
});

it("leaves its inputs as they are", () => {
  const [values, gradient, velocity] = [Float32Array.of(1), Float32Array.of(2), Float32Array.of(3)];
  sgdStep(values, gradient, velocity, { learningRate: 1, momentum: 1, weightDecay: 1 });
  expect([values[0], gradient[0], velocity[0]]).toEqual([1, 2, 3]);
});

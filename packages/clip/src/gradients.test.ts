import { describe, expect, test } from "vitest";
import { engineCases, formulaFloats } from "./engines/cases.js";
import { referenceOps, type Doubles } from "./engines/reference/index.js";
import { formulaConfig as config, formulaWeights } from "./engines/tiny-clip.js";
import type { Program } from "./engines/engine.js";
import type { Floats } from "./floats.js";
import { rules } from "./gradients.js";
import { record } from "./tape.js";
import { packPrompts } from "./towers/text-tower.js";
import { textTransformer } from "./towers/text-transformer.js";

const widen = ({ data, shape }: Floats): Doubles => ({ data: Float64Array.from(data), shape });

/**
 * Compares every entry of the gradients with central differences in double precision: with a step of 1e-5 those are
 * good to about 1e-10 of the values' size, so 1e-7 leaves room only for rounding.
 */
function checkGradients(program: Program, floats: readonly Floats[], differentiate: number, stride = 1): number {
  const inputs = floats.map(widen);
  const recording = record(referenceOps, program.run, { differentiate });
  const { outputs, saved } = recording.forward(inputs);
  const seeds = outputs.map(({ shape }, i) => widen(formulaFloats(300 + i, shape)));
  const gradients = recording.backward(seeds, saved);
  const loss = (xs: readonly Doubles[]): number =>
    program
      .run(referenceOps, xs)
      .reduce((total, y, i) => total + y.data.reduce((part, value, j) => part + value * seeds[i]!.data[j]!, 0), 0);
  let checked = 0;
  const step = 1e-5;
  for (let i = 0; i < differentiate; i++) {
    for (let j = 0; j < inputs[i]!.data.length; j += stride) {
      const at = (change: number): number =>
        loss(inputs.map((x, k) => (k === i ? { ...x, data: x.data.map((v, l) => (l === j ? v + change : v)) } : x)));
      const slope = (at(step) - at(-step)) / (2 * step);
      expect(Math.abs(slope - gradients[i]!.data[j]!)).toBeLessThan(1e-7 * Math.max(1, Math.abs(slope)));
      checked++;
    }
  }
  return checked;
}

describe("gradient rules against finite differences", () => {
  const differentiable = engineCases.filter(({ differentiate }) => differentiate > 0);
  test.each(differentiable.map((each) => [each.program.name, each] as const))("%s", (_, each) => {
    expect(checkGradients(each.program, each.inputs, each.differentiate)).toBeGreaterThan(0);
  });

  test("every rule has a case of its name", () => {
    const names = engineCases.map(({ program }) => program.name.split(/[ ,]/)[0]);
    for (const rule of Object.keys(rules)) expect(names).toContain(rule);
  });

  test("operations without a rule serve what needs no gradient, beside what does", () => {
    const kernel = formulaFloats(7, [4, 4, 3, 3]);
    const offset = formulaFloats(8, [4]);
    const program: Program = {
      name: "beside a map",
      inputs: [],
      run: (ops, [x, picture]) => {
        const map = ops.convolve(picture!, kernel, offset, { stride: 1, padding: 1, relu: false });
        return [ops.multiply(x!, ops.averagePool(ops.relu(map), 2))];
      },
    };
    const inputs = [formulaFloats(1, [1, 2, 2, 4]), formulaFloats(2, [1, 4, 4, 4])];
    expect(checkGradients(program, inputs, 1)).toBe(16);
    expect(() => checkGradients(program, inputs, 2)).toThrow(
      /^convolve: expected a value without gradient, as pictures are, came one with: it has no way back$/,
    );
  });

  for (const activation of ["quick_gelu", "gelu"] as const) {
    test(`the whole text tower, ${activation}`, () => {
      const [weights, own] = [formulaWeights(), formulaFloats(2, [2, 3, 128])];
      const positions = formulaFloats(3, [5, 128]);
      // every 37th number; differences of a deep function are less exact, but no entry came further than 1e-7
      for (const [n, checked] of [
        [0, 18],
        [2, 25],
      ] as const) {
        const program = textTransformer({ weights, config: { ...config, activation }, prefix: n > 0 });
        const prompts = { shared: formulaFloats(1, [n, 128]), own, end: Int32Array.of(2, 1) };
        const inputs = packPrompts(prompts, { classes: [0, 1], length: 3 }, positions);
        expect(checkGradients(program, inputs, n > 0 ? 2 : 1, 37)).toBe(checked);
      }
    });
  }
});

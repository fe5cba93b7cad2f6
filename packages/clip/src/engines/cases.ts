import type { Floats } from "../floats.js";
import { sizeOf, type ConvolutionOptions, type Dim, type Ops } from "../ops.js";
import type { Program } from "./engine.js";

/** A small program with inputs, the first `differentiate` of which have gradients. */
export interface EngineCase {
  readonly program: Program;
  readonly inputs: readonly Floats[];
  readonly differentiate: number;
}

/** Numbers in -amplitude to amplitude from a formula, so that every engine is given the same ones. */
export function formulaFloats(seed: number, shape: readonly number[], { amplitude = 1, base = 0 } = {}): Floats {
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    let x = (i + 1 + Math.imul(seed + 1, 0x9e3779b9)) >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    data[i] = base + amplitude * (((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1);
  }
  return { data, shape };
}

/** Where a case's input has the size 3 on its first axis, a compiled engine sees a symbol. */
const symbolic = (shape: readonly number[]): Dim[] =>
  shape.map((size, axis) => (axis === 0 && size === 3 ? { symbol: "B" } : size));

type Run = <T>(ops: Ops<T>, inputs: readonly T[]) => T | readonly T[];

function defineCase(
  name: string,
  shapes: readonly (readonly number[])[],
  run: Run,
  { differentiate = shapes.length, base = 0 }: { differentiate?: number; base?: number } = {},
): EngineCase {
  return {
    program: {
      name,
      inputs: shapes.map((shape) => ({ type: "float32", shape: symbolic(shape) })),
      run: (ops, inputs) => {
        const result = run(ops, inputs);
        return Array.isArray(result) ? result : [result as never];
      },
    },
    inputs: shapes.map((shape, i) => formulaFloats(name.length * 31 + i, shape, { amplitude: 1.5, base })),
    differentiate,
  };
}

const weight = formulaFloats(900, [5, 4]);
const bias = formulaFloats(901, [5]);
const gain = formulaFloats(902, [4], { amplitude: 0.5, base: 1 });
const offset = formulaFloats(903, [4]);
const kernel = formulaFloats(904, [5, 4, 3, 3], { amplitude: 0.4 });
const point = formulaFloats(905, [5, 4, 1, 1]);
const convolveBy = (name: string, side: number, by: Floats, o: ConvolutionOptions): EngineCase =>
  defineCase(`convolve, ${name}`, [[3, side, side + 2, 4]], (ops, [x]) => ops.convolve(x!, by, bias, o), {
    differentiate: 0,
  });
const attend = (o: { causal: boolean; prefix: boolean }): EngineCase =>
  defineCase(
    `attention${o.causal ? ", causal" : ""}${o.prefix ? ", with a shared beginning" : ""}`,
    [
      [3, 5, 8],
      [3, 5, 8],
      [3, 5, 8],
      ...(o.prefix
        ? [
            [1, 4, 8],
            [1, 4, 8],
          ]
        : []),
    ],
    (ops, [q, k, v, pk, pv]) =>
      ops.attention(q!, k!, v!, {
        heads: 2,
        causal: o.causal,
        ...(o.prefix ? { prefix: { k: pk!, v: pv! } } : {}),
      }),
  );

/** One case or more for every operation a tower may ask for. */
export const engineCases: readonly EngineCase[] = [
  defineCase("constant", [[3, 4]], (ops, [x]) => ops.multiply(x!, ops.constant(gain))),
  defineCase("zeros", [[3, 4]], (ops, [x]) => ops.add(x!, ops.zeros(ops.shape(x!)))),
  defineCase(
    "add",
    [
      [3, 4],
      [3, 4],
    ],
    (ops, [a, b]) => ops.add(a!, b!),
  ),
  defineCase(
    "add, broadcast",
    [
      [3, 2, 4],
      [2, 1],
    ],
    (ops, [a, b]) => ops.add(a!, b!),
  ),
  defineCase("add, twice the same", [[3, 4]], (ops, [a]) => ops.add(a!, a!)),
  defineCase("subtract", [[3, 4], [4]], (ops, [a, b]) => ops.subtract(a!, b!)),
  defineCase(
    "multiply",
    [
      [3, 4],
      [3, 1],
    ],
    (ops, [a, b]) => ops.multiply(a!, b!),
  ),
  defineCase("affine", [[3, 4]], (ops, [x]) => ops.affine(x!, { scale: -2.5, shift: 0.75 })),
  defineCase("sum", [[3, 2, 4]], (ops, [x]) => ops.sum(x!, [0, 2])),
  defineCase("exp", [[3, 4]], (ops, [x]) => ops.exp(x!)),
  defineCase("sigmoid", [[3, 4]], (ops, [x]) => ops.sigmoid(x!)),
  defineCase("erf", [[3, 4]], (ops, [x]) => ops.erf(x!)),
  defineCase("rsqrt", [[3, 4]], (ops, [x]) => ops.rsqrt(x!), { base: 2.5 }),
  defineCase("quickGelu", [[3, 4]], (ops, [x]) => ops.quickGelu(x!)),
  defineCase("gelu", [[3, 4]], (ops, [x]) => ops.gelu(x!)),
  defineCase(
    "matMul",
    [
      [3, 2, 4],
      [3, 4, 5],
    ],
    (ops, [a, b]) => ops.matMul(a!, b!),
  ),
  defineCase(
    "matMul, A transposed",
    [
      [3, 4, 2],
      [3, 4, 5],
    ],
    (ops, [a, b]) => ops.matMul(a!, b!, { transposeA: true }),
  ),
  defineCase(
    "matMul, B transposed",
    [
      [3, 2, 4],
      [3, 5, 4],
    ],
    (ops, [a, b]) => ops.matMul(a!, b!, { transposeB: true }),
  ),
  defineCase(
    "matMul, both transposed",
    [
      [3, 4, 2],
      [3, 5, 4],
    ],
    (ops, [a, b]) => ops.matMul(a!, b!, { transposeA: true, transposeB: true }),
  ),
  defineCase(
    "matMul by what needs no gradient",
    [
      [3, 4, 5],
      [3, 1, 4],
    ],
    (ops, [x, one]) => ops.matMul(one!, x!),
    {
      differentiate: 1,
    },
  ),
  defineCase("linear", [[3, 2, 4]], (ops, [x]) => ops.linear(x!, weight, bias)),
  defineCase("linear without bias", [[3, 4]], (ops, [x]) => ops.linear(x!, weight)),
  defineCase("linearTransposed", [[3, 2, 5]], (ops, [x]) => ops.linearTransposed(x!, weight)),
  defineCase("layerNorm", [[3, 2, 4]], (ops, [x]) => ops.layerNorm(x!, gain, offset)),
  defineCase("softmax", [[3, 2, 4]], (ops, [x]) => ops.softmax(x!, { causal: false })),
  defineCase("softmax, causal", [[3, 4, 4]], (ops, [x]) => ops.softmax(x!, { causal: true })),
  defineCase("softmax, causal after a beginning", [[3, 2, 5]], (ops, [x]) => ops.softmax(x!, { causal: true })),
  attend({ causal: false, prefix: false }),
  attend({ causal: true, prefix: false }),
  attend({ causal: true, prefix: true }),
  defineCase("reshape", [[3, 2, 4]], (ops, [x]) => ops.reshape(x!, [-1, 4])),
  defineCase("transpose", [[3, 2, 4]], (ops, [x]) => ops.transpose(x!, [2, 0, 1])),
  defineCase("split", [[3, 5, 2]], (ops, [x]) => ops.split(x!, 1, [2, 3])),
  defineCase("split, one piece unused", [[3, 5, 2]], (ops, [x]) => ops.split(x!, 1, [1, 3, 1])[1]!),
  defineCase("gatherRows", [[3, 4]], (ops, [x]) => {
    const numbers = (shape: number[], ...values: number[]) => ops.constant({ data: Float32Array.from(values), shape });
    const [index, from] = [numbers([2], 2, 0), numbers([3], 1, 0, 0)];
    return ops.gatherRows(x!, index, { index: from, mask: numbers([3, 1], 1, 0, 1) });
  }),
  defineCase(
    "concat",
    [
      [3, 2],
      [3, 4],
    ],
    (ops, [a, b]) => ops.concat([a!, b!], 1),
  ),
  defineCase("relu", [[3, 4]], (ops, [x]) => ops.relu(x!), { differentiate: 0 }),
  convolveBy("a point", 4, point, { stride: 1, padding: 0, relu: false }),
  convolveBy("its zeros cut off", 4, point, { stride: 1, padding: 0, relu: true }),
  convolveBy("without padding", 5, kernel, { stride: 1, padding: 0, relu: false }),
  convolveBy("padded", 5, kernel, { stride: 1, padding: 1, relu: true }),
  convolveBy("in steps of two, an even side", 6, kernel, { stride: 2, padding: 1, relu: true }),
  convolveBy("in steps of two, an odd side", 7, kernel, { stride: 2, padding: 1, relu: false }),
  defineCase("averagePool", [[3, 4, 6, 5]], (ops, [x]) => ops.averagePool(x!, 2), { differentiate: 0 }),
  defineCase("averagePool, with a rest", [[3, 7, 8, 4]], (ops, [x]) => ops.averagePool(x!, 3), { differentiate: 0 }),
  defineCase(
    "maps and what is no map, mixed",
    [
      [3, 4, 4, 4],
      [3, 4, 4, 5],
    ],
    (ops, [x, y]) => {
      const z = ops.convolve(x!, point, bias, { stride: 1, padding: 0, relu: true });
      const sum = ops.relu(ops.add(ops.add(z, y!), z));
      const pooled = ops.averagePool(
        ops.add(sum, ops.convolve(x!, kernel, bias, { stride: 1, padding: 1, relu: false })),
        2,
      );
      return [sum, ops.reshape(pooled, [-1, 4, 5]), ops.transpose(ops.add(z, z), [0, 3, 1, 2])];
    },
    { differentiate: 0 },
  ),
  defineCase("scopes, values used twice", [[3, 4]], (ops, [x]) => {
    const y = ops.scope(() => {
      const s = ops.sigmoid(x!);
      return { deep: [ops.multiply(s, ops.exp(s))] };
    }).deep[0]!;
    const z = ops.scope(() => ops.add(ops.multiply(y, y), ops.quickGelu(y)));
    return [z, ops.add(x!, y)];
  }),
];

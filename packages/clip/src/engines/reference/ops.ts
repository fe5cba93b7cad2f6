import type { Floats } from "../../floats.js";
import { composeAttention, layerNormEpsilon, sizeOf, type Ops } from "../../ops.js";
import { averagePool, convolve } from "./maps.js";

/** Float64 numbers with a shape, row-major. */
export interface Doubles {
  readonly data: Float64Array;
  readonly shape: readonly number[];
}

const numbers = (shape: readonly unknown[]): readonly number[] => shape as readonly number[];
const make = (shape: readonly number[], data: Float64Array = new Float64Array(sizeOf(shape))): Doubles => ({
  data,
  shape,
});
const map = (x: Doubles, f: (value: number) => number): Doubles => make(x.shape, x.data.map(f));
const stridesOf = (shape: readonly number[]): number[] => shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/** Calls `visit` for each index of `shape` in row-major order with the matching offset of an array that has these strides. */
function walk(shape: readonly number[], strides: readonly number[], visit: (at: number, offset: number) => void): void {
  const total = sizeOf(shape);
  const index = shape.map(() => 0);
  for (let at = 0, offset = 0; at < total; at++) {
    visit(at, offset);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      offset += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Repeats x to `shape` by NumPy's rule. */
function broadcast(x: Doubles, shape: readonly number[]): Doubles {
  const lead = shape.length - x.shape.length;
  const own = stridesOf(x.shape);
  const strides = shape.map((_, axis) => (axis < lead || x.shape[axis - lead] === 1 ? 0 : own[axis - lead]!));
  const result = make(shape);
  walk(shape, strides, (at, offset) => (result.data[at] = x.data[offset]!));
  return result;
}

function zip(a: Doubles, b: Doubles, f: (a: number, b: number) => number): Doubles {
  const rank = Math.max(a.shape.length, b.shape.length);
  const size = (x: Doubles, axis: number): number => x.shape[axis - rank + x.shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [m, n] = [size(a, axis), size(b, axis)];
    if (m !== n && m !== 1 && n !== 1) throw new Error(`cannot broadcast [${a.shape}] with [${b.shape}]`);
    return Math.max(m, n);
  });
  const [left, right] = [broadcast(a, shape), broadcast(b, shape)];
  return make(
    shape,
    left.data.map((value, i) => f(value, right.data[i]!)),
  );
}

function transpose(x: Doubles, axes: readonly number[]): Doubles {
  const strides = stridesOf(x.shape);
  const result = make(axes.map((axis) => x.shape[axis]!));
  const permuted = axes.map((axis) => strides[axis]!);
  walk(result.shape, permuted, (at, offset) => (result.data[at] = x.data[offset]!));
  return result;
}

function swapLast(x: Doubles): Doubles {
  const rank = x.shape.length;
  return transpose(
    x,
    x.shape.map((_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  );
}

function matMul(a: Doubles, b: Doubles): Doubles {
  const [m, inner] = a.shape.slice(-2) as [number, number];
  const n = b.shape.at(-1)!;
  if (b.shape.at(-2) !== inner || sizeOf(a.shape.slice(0, -2)) !== sizeOf(b.shape.slice(0, -2))) {
    throw new Error(`cannot multiply [${a.shape}] by [${b.shape}]`);
  }
  const result = make([...a.shape.slice(0, -1), n]);
  for (let i = 0; i < result.data.length / n; i++) {
    const batch = Math.floor(i / m) * inner * n;
    for (let k = 0; k < inner; k++) {
      const factor = a.data[i * inner + k]!;
      for (let j = 0; j < n; j++) result.data[i * n + j]! += factor * b.data[batch + k * n + j]!;
    }
  }
  return result;
}

function sum(x: Doubles, axes: readonly number[]): Doubles {
  const result = make(x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)));
  const own = stridesOf(result.shape);
  const strides = x.shape.map((_, axis) => (axes.includes(axis) ? 0 : own[axis]!));
  walk(x.shape, strides, (at, offset) => (result.data[offset]! += x.data[at]!));
  return result;
}

/** Works row by row over the last axis. */
function mapRows(x: Doubles, f: (row: Float64Array, index: number) => Float64Array): Doubles {
  const width = x.shape.at(-1)!;
  const result = make(x.shape);
  for (let i = 0; i < x.data.length / width; i++) {
    result.data.set(f(x.data.subarray(i * width, (i + 1) * width), i), i * width);
  }
  return result;
}

function softmax(x: Doubles, causal: boolean): Doubles {
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  return mapRows(x, (row, index) => {
    const seen = causal ? columns - rows + (index % rows) + 1 : columns;
    const largest = row.subarray(0, seen).reduce((a, b) => Math.max(a, b), -Infinity);
    const weights = row.map((value, j) => (j < seen ? Math.exp(value - largest) : 0));
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((value) => value / total);
  });
}

/** The error function to about 1e-15: its Taylor series near 0, a continued fraction of its complement elsewhere. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let total = x;
    for (let n = 1; n < 80; n++) {
      term *= (-x * x) / n;
      total += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * total;
  }
  let fraction = 0;
  for (let n = 100; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (a + fraction) / Math.sqrt(Math.PI));
}

function split(x: Doubles, axis: number, sizes: readonly number[]): Doubles[] {
  const inner = sizeOf(x.shape.slice(axis + 1));
  const step = x.shape[axis]! * inner;
  let start = 0;
  return sizes.map((size) => {
    const piece = make(x.shape.map((old, i) => (i === axis ? size : old)));
    for (let row = 0; row < x.data.length / step; row++) {
      const from = row * step + start * inner;
      piece.data.set(x.data.subarray(from, from + size * inner), row * size * inner);
    }
    start += size;
    return piece;
  });
}

function concat(xs: readonly Doubles[], axis: number): Doubles {
  const shape = xs[0]!.shape.map((size, i) => (i === axis ? xs.reduce((total, x) => total + x.shape[axis]!, 0) : size));
  const result = make(shape);
  const step = sizeOf(shape.slice(axis));
  let start = 0;
  for (const x of xs) {
    const size = sizeOf(x.shape.slice(axis));
    for (let row = 0; row * size < x.data.length; row++) {
      result.data.set(x.data.subarray(row * size, (row + 1) * size), row * step + start);
    }
    start += size;
  }
  return result;
}

/** The tower's vocabulary in plain double precision: slow, exact, the oracle that every engine is compared with. */
export const referenceOps: Ops<Doubles> = {
  shape: (x) => x.shape,
  scope: (f) => f(),
  free: () => {},
  constant: ({ data, shape }: Floats) => make(shape, Float64Array.from(data)),
  zeros: (shape) => make(numbers(shape)),
  add: (a, b) => zip(a, b, (x, y) => x + y),
  subtract: (a, b) => zip(a, b, (x, y) => x - y),
  multiply: (a, b) => zip(a, b, (x, y) => x * y),
  affine: (x, { scale = 1, shift = 0 }) => map(x, (value) => scale * value + shift),
  sum,
  exp: (x) => map(x, Math.exp),
  sigmoid: (x) => map(x, (value) => 1 / (1 + Math.exp(-value))),
  erf: (x) => map(x, erf),
  rsqrt: (x) => map(x, (value) => 1 / Math.sqrt(value)),
  quickGelu: (x) => map(x, (value) => value / (1 + Math.exp(-1.702 * value))),
  gelu: (x) => map(x, (value) => (value * (1 + erf(value * Math.SQRT1_2))) / 2),
  matMul: (a, b, { transposeA = false, transposeB = false } = {}) =>
    matMul(transposeA ? swapLast(a) : a, transposeB ? swapLast(b) : b),
  linear: (x, weight, bias) => {
    const rows = make([x.data.length / weight.shape[1]!, weight.shape[1]!], x.data);
    const product = matMul(rows, swapLast(referenceOps.constant(weight)));
    const y = bias === undefined ? product : referenceOps.add(product, referenceOps.constant(bias));
    return make([...x.shape.slice(0, -1), weight.shape[0]!], y.data);
  },
  linearTransposed: (x, weight) => {
    const rows = make([x.data.length / weight.shape[0]!, weight.shape[0]!], x.data);
    return make([...x.shape.slice(0, -1), weight.shape[1]!], matMul(rows, referenceOps.constant(weight)).data);
  },
  layerNorm: (x, gain, bias) =>
    mapRows(x, (row) => {
      const mean = row.reduce((a, b) => a + b, 0) / row.length;
      const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
      const scale = 1 / Math.sqrt(variance + layerNormEpsilon);
      return row.map((value, i) => (value - mean) * scale * gain.data[i]! + bias.data[i]!);
    }),
  softmax: (x, { causal }) => softmax(x, causal),
  attention: (q, k, v, o) => composeAttention(referenceOps, q, k, v, o),
  reshape: (x, shape) => {
    const known = numbers(shape).reduce((product, size) => (size === -1 ? product : product * size), 1);
    return make(
      numbers(shape).map((size) => (size === -1 ? x.data.length / known : size)),
      x.data,
    );
  },
  transpose,
  split: (x, axis, sizes) => split(x, axis, numbers(sizes)),
  gatherRows: (x, index) => {
    const step = sizeOf(x.shape.slice(1));
    const result = make([...index.shape, ...x.shape.slice(1)]);
    index.data.forEach((row, i) => result.data.set(x.data.subarray(row * step, (row + 1) * step), i * step));
    return result;
  },
  concat,
  relu: (x) => map(x, (value) => Math.max(0, value)),
  convolve: (x, weight, bias, { relu, ...steps }) => {
    const y = convolve(x, weight, bias, steps);
    return relu ? referenceOps.relu(y) : y;
  },
  averagePool,
};

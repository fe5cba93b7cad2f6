import type * as tfjs from "@tensorflow/tfjs";
import type { Floats } from "../../floats.js";
import { composeAttention, layerNormEpsilon, sizeOf, type ConvolutionOptions, type Ops } from "../../ops.js";

type Tf = typeof tfjs;
type Tensor = tfjs.Tensor;

/** The operations of TensorFlow.js's current backend, with the frozen arrays uploaded so far; `dispose` releases those. */
export interface TfjsOps extends Ops<Tensor> {
  /** Whether a tensor is one of those arrays, which a tape must not release. */
  holds(x: Tensor): boolean;
  dispose(): void;
}

/** Implements the tower's vocabulary by tfjs operations that every backend has; no tfjs gradient is used. */
export function createTfjsOps({ tf }: { tf: Tf }): TfjsOps {
  const uploaded = new Map<Floats, Tensor>();
  const transposed = new Map<Floats, Tensor>();
  const filters = new Map<Floats, Tensor>();
  const constants = new Set<Tensor>();
  const upload = (cache: Map<Floats, Tensor>, value: Floats, make: () => Tensor): Tensor => {
    const known = cache.get(value);
    if (known !== undefined) return known;
    const tensor = tf.keep(make());
    cache.set(value, tensor);
    constants.add(tensor);
    return tensor;
  };
  const constant = (value: Floats): Tensor => upload(uploaded, value, () => tf.tensor(value.data, [...value.shape]));
  const rows = (x: Tensor): tfjs.Tensor2D => tf.reshape(x, [-1, x.shape.at(-1)!]);
  const sizes = (shape: readonly unknown[]): number[] => shape as number[];

  const ops: TfjsOps = {
    shape: (x) => x.shape,
    scope: (f) => tf.tidy(f as () => tfjs.TensorContainer) as ReturnType<typeof f>,
    free: (x) => x.dispose(),
    constant,
    zeros: (shape) => tf.zeros(sizes(shape)),
    add: (a, b) => tf.add(a, b),
    subtract: (a, b) => tf.sub(a, b),
    multiply: (a, b) => tf.mul(a, b),
    affine: (x, { scale = 1, shift = 0 }) => {
      const scaled = scale === 1 ? x : tf.mul(x, scale);
      return shift === 0 ? (scaled === x ? tf.clone(x) : scaled) : tf.add(scaled, shift);
    },
    sum: (x, axes) => tf.sum(x, [...axes], true),
    exp: (x) => tf.exp(x),
    sigmoid: (x) => tf.sigmoid(x),
    erf: (x) => tf.erf(x),
    rsqrt: (x) => tf.rsqrt(x),
    quickGelu: (x) => tf.tidy(() => tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)))),
    gelu: (x) => tf.tidy(() => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))),
    matMul: (a, b, { transposeA = false, transposeB = false } = {}) =>
      tf.getBackend() === "wasm"
        ? multiplyOnWasm(tf, { a, b, transposeA, transposeB })
        : tf.matMul(a, b, transposeA, transposeB),
    linear: (x, weight, bias) =>
      tf.tidy(() => {
        const [out, inner] = weight.shape as [number, number];
        // The wasm backend multiplies quickly only what needs no transposition, so there the weight is stored transposed.
        const wasm = tf.getBackend() === "wasm";
        const b = wasm
          ? upload(transposed, weight, () => tf.tensor2d(transposeMatrix(weight), [inner, out]))
          : constant(weight);
        const y = tf.fused.matMul({
          a: rows(x),
          b: b as tfjs.Tensor2D,
          transposeB: !wasm,
          ...(bias === undefined ? {} : { bias: constant(bias) }),
        });
        return tf.reshape(y, [...x.shape.slice(0, -1), out]);
      }),
    linearTransposed: (x, weight) =>
      tf.tidy(() => tf.reshape(tf.matMul(rows(x), constant(weight)), [...x.shape.slice(0, -1), weight.shape[1]!])),
    layerNorm: (x, gain, bias) =>
      tf.tidy(() => {
        const centred = tf.sub(x, tf.mean(x, -1, true));
        const variance = tf.mean(tf.mul(centred, centred), -1, true);
        const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, layerNormEpsilon)));
        return tf.add(tf.mul(normal, constant(gain)), constant(bias));
      }),
    softmax: (x, { causal }) =>
      tf.tidy(() => {
        const [r, k] = x.shape.slice(-2) as [number, number];
        return tf.softmax(causal && r > 1 ? tf.add(x, tf.tensor2d(causalMask(r, k), [r, k])) : x);
      }),
    attention: (q, k, v, o) => tf.tidy(() => composeAttention(ops, q, k, v, o)),
    reshape: (x, shape) => tf.reshape(x, sizes(shape)),
    transpose: (x, axes) => tf.transpose(x, [...axes]),
    split: (x, axis, pieces) => tf.split(x, sizes(pieces), axis),
    gatherRows: (x, index) => tf.tidy(() => tf.gather(x, tf.cast(index as tfjs.Tensor1D, "int32"))),
    concat: (xs, axis) => tf.concat([...xs], axis),
    relu: (x) => tf.relu(x),
    convolve: (x, weight, bias, o) =>
      tf.tidy(() => {
        const filter = upload(filters, weight, () =>
          tf.transpose(tf.tensor(weight.data, [...weight.shape]), [2, 3, 1, 0]),
        );
        return convolve(tf, { x, filter, bias: constant(bias), ...o });
      }),
    averagePool: (x, size) => tf.avgPool(x as tfjs.Tensor4D, size, size, "valid"),
    holds: (x) => constants.has(x),
    dispose() {
      constants.clear();
      for (const cache of [uploaded, transposed, filters]) {
        for (const tensor of cache.values()) tensor.dispose();
        cache.clear();
      }
    },
  };
  return ops;
}

/** A convolution by the kinds of padding that every backend has: none, or as much as keeps the map's size. */
function convolve(
  tf: Tf,
  { x, filter, bias, stride, padding, relu }: { x: Tensor; filter: Tensor; bias: Tensor } & ConvolutionOptions,
): Tensor {
  const same = padding > 0 && stride === 1 && filter.shape[0] === 2 * padding + 1;
  const around: [number, number] = [padding, padding];
  const padded = padding === 0 || same ? x : tf.pad(x, [[0, 0], around, around, [0, 0]]);
  return tf.fused.conv2d({
    x: padded as tfjs.Tensor4D,
    filter: filter as tfjs.Tensor4D,
    strides: stride,
    pad: same ? "same" : "valid",
    bias,
    ...(relu ? { activation: "relu" as const } : {}),
  });
}

/**
 * The wasm backend has a fast kernel only for two matrices without a transpose flag, so transposes are written out and
 * the matrices of a short stack, if these are large enough, multiplied one by one.
 */
function multiplyOnWasm(
  tf: Tf,
  o: { readonly a: Tensor; readonly b: Tensor; readonly transposeA: boolean; readonly transposeB: boolean },
): Tensor {
  const [rowCount, inner] = sidesOf(o.a, o.transposeA);
  const columnCount = sidesOf(o.b, o.transposeB)[1];
  const outer = o.a.shape.slice(0, -2);
  const count = sizeOf(outer);
  // Measured: each cut from a stack copies all of it, so that many or small matrices are not worth cutting out.
  if (count > 8 || rowCount * inner * columnCount < 32_768 * count) {
    return tf.matMul(o.a, o.b, o.transposeA, o.transposeB);
  }
  return tf.tidy(() => {
    const matrices = (x: Tensor, transpose: boolean): Tensor[] => {
      const stack: Tensor = tf.reshape(x, [-1, ...x.shape.slice(-2)]);
      return tf.unstack(transpose ? tf.transpose(stack, [0, 2, 1]) : stack);
    };
    const right = matrices(o.b, o.transposeB);
    const products = matrices(o.a, o.transposeA).map((left, i) => tf.matMul(left, right[i]!));
    return tf.reshape(tf.concat(products, 0), [...outer, rowCount, columnCount]);
  });
}

/** Rows and columns of a tensor's matrices, after transposition where asked. */
function sidesOf({ shape }: Tensor, transpose: boolean): [number, number] {
  const [rowCount, columnCount] = shape.slice(-2) as [number, number];
  return transpose ? [columnCount, rowCount] : [rowCount, columnCount];
}

function transposeMatrix({ data, shape }: Floats): Float32Array {
  const [rowCount, columnCount] = shape as [number, number];
  const result = new Float32Array(data.length);
  for (let i = 0; i < rowCount; i++) {
    for (let j = 0; j < columnCount; j++) result[j * rowCount + i] = data[i * columnCount + j]!;
  }
  return result;
}

/** Added to scores: 0 where row i of `r` may look, far below every score elsewhere. */
function causalMask(r: number, k: number): Float32Array {
  const mask = new Float32Array(r * k);
  for (let i = 0; i < r; i++) mask.fill(-1e30, i * k + k - r + i + 1, (i + 1) * k);
  return mask;
}

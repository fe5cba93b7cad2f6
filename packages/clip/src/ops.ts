import type { Floats } from "./floats.js";

/** A size of an axis: a number where values are at hand, a symbol where a tower is only traced. */
export type Dim = number | { readonly symbol: string };

/** How queries attend: in `heads` parts, to earlier tokens only if `causal`, and to a shared beginning [1,N,D] that every query sees. */
export interface AttentionOptions<T> {
  readonly heads: number;
  readonly causal: boolean;
  readonly prefix?: { readonly k: T; readonly v: T };
}

/** How a convolution goes over its map: in steps of `stride`, with `padding` zeros on every side; `relu`: negative results become 0. */
export interface ConvolutionOptions {
  readonly stride: number;
  readonly padding: number;
  readonly relu: boolean;
}

/**
 * What a tower may ask of an engine. `T` is a tensor, a node of a graph or a plain array; sizes are never read as numbers.
 * Weights are frozen: they come as host arrays, an engine uploads each once, by identity, in the layout it likes.
 * All operations are pure; elementwise ones broadcast as NumPy does.
 */
export interface Ops<T> {
  /** The sizes of all axes. */
  shape(x: T): readonly Dim[];
  /** Runs `f` and releases everything made inside but what it returns (any nesting of arrays and objects). */
  scope<R>(f: () => R): R;
  /** Says that a value is not used again; releasing it is the engine's choice. */
  free(x: T): void;
  /** A frozen host array as a value; the same array is uploaded once. */
  constant(value: Floats): T;
  /** Zeros of a shape. */
  zeros(shape: readonly Dim[]): T;
  /** a + b. */
  add(a: T, b: T): T;
  /** a - b. */
  subtract(a: T, b: T): T;
  /** a * b, elementwise. */
  multiply(a: T, b: T): T;
  /** scale * x + shift. */
  affine(x: T, o: { readonly scale?: number; readonly shift?: number }): T;
  /** Sum over axes, which stay as size 1. */
  sum(x: T, axes: readonly number[]): T;
  /** e to the power x. */
  exp(x: T): T;
  /** 1 / (1 + exp(-x)). */
  sigmoid(x: T): T;
  /** The error function. */
  erf(x: T): T;
  /** 1 / sqrt(x). */
  rsqrt(x: T): T;
  /** x * sigmoid(1.702 x), OpenAI's activation. */
  quickGelu(x: T): T;
  /** x * (1 + erf(x / sqrt 2)) / 2. */
  gelu(x: T): T;
  /** Matrix product of the last two axes; all axes before them are equal in both. */
  matMul(a: T, b: T, o?: { readonly transposeA?: boolean; readonly transposeB?: boolean }): T;
  /** x [..., in] times weight [out, in] transposed, plus bias [out]: PyTorch's layout. */
  linear(x: T, weight: Floats, bias?: Floats): T;
  /** x [..., out] times weight [out, in]: the transpose of `linear`, which takes its gradient back. */
  linearTransposed(x: T, weight: Floats): T;
  /** Layer normalisation over the last axis, epsilon 1e-5. */
  layerNorm(x: T, gain: Floats, bias: Floats): T;
  /** Softmax over the last axis; `causal`: row i of R sees the first K - R + i + 1 of K columns. */
  softmax(x: T, o: { readonly causal: boolean }): T;
  /** Attention of q [B,L,D] to k, v [B,K,D]. */
  attention(q: T, k: T, v: T, o: AttentionOptions<T>): T;
  /** The same values in another shape; at most one size may be -1. */
  reshape(x: T, shape: readonly (Dim | -1)[]): T;
  /** The axes in another order: axis i of the result is axis `axes[i]` of x. */
  transpose(x: T, axes: readonly number[]): T;
  /** Consecutive pieces along an axis. */
  split(x: T, axis: number, sizes: readonly Dim[]): readonly T[];
  /**
   * Rows of x [R,D] by their numbers `index` [M], whole floats: [M,D]. `back` promises the transpose: the row of the result
   * that each row of x became [R], and where some became none, a mask [R,1] of 1 and 0; rows that several times became one
   * must have no gradient but in that place.
   */
  gatherRows(x: T, index: T, back: { readonly index: T; readonly mask?: T }): T;
  /** Values joined along an axis. */
  concat(xs: readonly T[], axis: number): T;
  /** x, or 0 where it is negative. Like the two below it serves pictures only: no gradient goes back through it. */
  relu(x: T): T;
  /** Maps [B,H,W,C] with weight [out,C,k,k] (PyTorch's layout) and bias [out]: [B,H',W',out], H' = floor((H + 2 padding - k) / stride) + 1. */
  convolve(x: T, weight: Floats, bias: Floats, o: ConvolutionOptions): T;
  /** Means of squares of `size` x `size` in maps [B,H,W,C], side by side: [B,H/size,W/size,C]; what fills no square is left out. */
  averagePool(x: T, size: number): T;
}

/** Whether two sizes are known to be equal. */
export function sameDim(a: Dim, b: Dim): boolean {
  return typeof a === "object" && typeof b === "object" ? a.symbol === b.symbol : a === b;
}

/** Layer normalisation's epsilon in every CLIP. */
export const layerNormEpsilon = 1e-5;

/** The size of a map's side after a convolution or a pooling. */
export function sideAfter(
  side: number,
  size: number,
  { stride, padding }: { stride: number; padding: number },
): number {
  return Math.floor((side + 2 * padding - size) / stride) + 1;
}

/** How many numbers an array of this shape holds. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Attention from an engine's simpler operations, for engines without a fused one and for the tape, which differentiates its parts.
 * Heads come first, so that the shared beginning is one product over all queries of all prompts and its gradient sums itself.
 */
export function composeAttention<T>(ops: Ops<T>, q: T, k: T, v: T, { heads, causal, prefix }: AttentionOptions<T>): T {
  const [b, l, d] = ops.shape(q) as [Dim, Dim, number];
  const width = d / heads;
  const splitHeads = (x: T): T => {
    const [rows, tokens] = ops.shape(x) as [Dim, Dim];
    return ops.transpose(ops.reshape(x, [rows, tokens, heads, width]), [2, 0, 1, 3]); // [H, B, L, D/H]
  };
  const flat = (x: T, last: Dim): T => ops.reshape(x, [heads, -1, last]); // [H, B*L, last]
  const queries = splitHeads(ops.affine(q, { scale: 1 / Math.sqrt(width) }));
  const keys = splitHeads(k);
  const values = splitHeads(v);
  const own = ops.matMul(queries, keys, { transposeB: true }); // [H, B, L, K]
  let y: T;
  if (prefix === undefined) {
    y = ops.matMul(ops.softmax(own, { causal }), values);
  } else {
    const n = ops.shape(prefix.k)[1]!;
    const prefixKeys = flat(splitHeads(prefix.k), width); // [H, N, D/H]
    const prefixValues = flat(splitHeads(prefix.v), width);
    const shared = ops.reshape(ops.matMul(flat(queries, width), prefixKeys, { transposeB: true }), [heads, b, l, n]);
    const weights = ops.softmax(ops.concat([shared, own], 3), { causal }); // [H, B, L, N+K]
    const [toShared, toOwn] = ops.split(weights, 3, [n, ops.shape(k)[1]!]) as [T, T];
    const fromShared = ops.matMul(flat(toShared, n), prefixValues);
    y = ops.add(ops.reshape(fromShared, [heads, b, l, width]), ops.matMul(toOwn, values));
  }
  return ops.reshape(ops.transpose(y, [1, 2, 0, 3]), [b, l, d]);
}

import type { Floats } from "./floats.js";
import { layerNormEpsilon, sameDim, type Dim, type Ops } from "./ops.js";

/** An operation done and how to go back: `back` sees only the output's gradients and what was saved, so it can run later or in another graph. */
export interface Derived<T> {
  readonly outputs: readonly T[];
  readonly saved: readonly T[];
  back(gradients: readonly T[], saved: readonly T[], ops: Ops<T>): readonly (T | undefined)[];
}

/** What a rule knows of its inputs: which of them need a gradient. */
type Needs = readonly boolean[];

const first = <T>(xs: readonly T[]): T => xs[0] as T;
const same = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((size, axis) => sameDim(size, b[axis]!));

/** The transpose of broadcasting: sums a gradient back to the shape of the operand that was repeated. */
function sumTo<T>(ops: Ops<T>, gradient: T, shape: readonly Dim[]): T {
  const from = ops.shape(gradient);
  if (same(from, shape)) return gradient;
  const lead = from.length - shape.length;
  const axes = from.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && !sameDim(size, 1)) ? [axis] : [],
  );
  return ops.reshape(ops.sum(gradient, axes), shape);
}

/** The vector-Jacobian rules of every operation that the text tower uses, each written over the operations themselves. */
export const rules = {
  add: <T>(ops: Ops<T>, [a, b]: readonly [T, T], needs: Needs): Derived<T> => {
    const shapes = [ops.shape(a), ops.shape(b)];
    return {
      outputs: [ops.add(a, b)],
      saved: [],
      back: ([g], _, o) => shapes.map((shape, i) => (needs[i] ? sumTo(o, g as T, shape) : undefined)),
    };
  },
  subtract: <T>(ops: Ops<T>, [a, b]: readonly [T, T], needs: Needs): Derived<T> => {
    const shapes = [ops.shape(a), ops.shape(b)] as const;
    return {
      outputs: [ops.subtract(a, b)],
      saved: [],
      back: ([g], _, o) => [
        needs[0] ? sumTo(o, g as T, shapes[0]) : undefined,
        needs[1] ? sumTo(o, o.affine(g as T, { scale: -1 }), shapes[1]) : undefined,
      ],
    };
  },
  multiply: <T>(ops: Ops<T>, [a, b]: readonly [T, T], needs: Needs): Derived<T> => {
    const shapes = [ops.shape(a), ops.shape(b)] as const;
    return {
      outputs: [ops.multiply(a, b)],
      saved: [...(needs[0] ? [b] : []), ...(needs[1] ? [a] : [])],
      back: ([g], saved, o) => [
        needs[0] ? sumTo(o, o.multiply(g as T, first(saved)), shapes[0]) : undefined,
        needs[1] ? sumTo(o, o.multiply(g as T, saved.at(-1)!), shapes[1]) : undefined,
      ],
    };
  },
  affine: <T>(ops: Ops<T>, x: T, { scale = 1, shift = 0 }: { scale?: number; shift?: number }): Derived<T> => ({
    outputs: [ops.affine(x, { scale, shift })],
    saved: [],
    back: ([g], _, o) => [o.affine(g as T, { scale })],
  }),
  sum: <T>(ops: Ops<T>, x: T, axes: readonly number[]): Derived<T> => {
    const shape = ops.shape(x);
    return { outputs: [ops.sum(x, axes)], saved: [], back: ([g], _, o) => [o.add(o.zeros(shape), g as T)] };
  },
  exp: <T>(ops: Ops<T>, x: T): Derived<T> => {
    const y = ops.exp(x);
    return { outputs: [y], saved: [y], back: ([g], [e], o) => [o.multiply(g as T, e as T)] };
  },
  sigmoid: <T>(ops: Ops<T>, x: T): Derived<T> => {
    const y = ops.sigmoid(x);
    return {
      outputs: [y],
      saved: [y],
      back: ([g], [s], o) => [o.multiply(g as T, o.multiply(s as T, o.affine(s as T, { scale: -1, shift: 1 })))],
    };
  },
  erf: <T>(ops: Ops<T>, x: T): Derived<T> => ({
    outputs: [ops.erf(x)],
    saved: [x],
    back: ([g], [v], o) => {
      const density = o.exp(o.affine(o.multiply(v as T, v as T), { scale: -1 }));
      return [o.multiply(g as T, o.affine(density, { scale: 2 / Math.sqrt(Math.PI) }))];
    },
  }),
  rsqrt: <T>(ops: Ops<T>, x: T): Derived<T> => {
    const y = ops.rsqrt(x);
    return {
      outputs: [y],
      saved: [y],
      back: ([g], [r], o) => {
        const cube = o.multiply(r as T, o.multiply(r as T, r as T));
        return [o.multiply(g as T, o.affine(cube, { scale: -0.5 }))];
      },
    };
  },
  // d/dx x s(ax) = s (1 + ax - ax s), with s = sigmoid(ax) and a = 1.702, in the fewest passes over the gradient
  quickGelu: <T>(ops: Ops<T>, x: T): Derived<T> => ({
    outputs: [ops.quickGelu(x)],
    saved: [x],
    back: ([g], [v], o) => {
      const scaled = o.affine(v as T, { scale: 1.702 });
      const s = o.sigmoid(scaled);
      const along = o.multiply(g as T, s);
      return [o.add(along, o.multiply(along, o.subtract(scaled, o.multiply(scaled, s))))];
    },
  }),
  // d/dx x F(x) = F(x) + x f(x), with F and f of the standard normal distribution
  gelu: <T>(ops: Ops<T>, x: T): Derived<T> => ({
    outputs: [ops.gelu(x)],
    saved: [x],
    back: ([g], [v], o) => {
      const below = o.affine(o.erf(o.affine(v as T, { scale: Math.SQRT1_2 })), { scale: 0.5, shift: 0.5 });
      const density = o.exp(o.affine(o.multiply(v as T, v as T), { scale: -0.5 }));
      const slope = o.affine(o.multiply(v as T, density), { scale: 1 / Math.sqrt(2 * Math.PI) });
      return [o.multiply(g as T, o.add(below, slope))];
    },
  }),
  matMul: <T>(
    ops: Ops<T>,
    [a, b]: readonly [T, T],
    needs: Needs,
    { transposeA: ta = false, transposeB: tb = false }: { transposeA?: boolean; transposeB?: boolean } = {},
  ): Derived<T> => ({
    outputs: [ops.matMul(a, b, { transposeA: ta, transposeB: tb })],
    saved: [...(needs[0] ? [b] : []), ...(needs[1] ? [a] : [])],
    back: ([g], saved, o) => {
      const y = g as T;
      const [left, right] = [saved.at(-1)!, first(saved)];
      const forA = (): T =>
        ta
          ? o.matMul(right, y, { transposeA: tb, transposeB: true })
          : o.matMul(y, right, { transposeA: false, transposeB: !tb });
      const forB = (): T =>
        tb
          ? o.matMul(y, left, { transposeA: true, transposeB: ta })
          : o.matMul(left, y, { transposeA: !ta, transposeB: false });
      return [needs[0] ? forA() : undefined, needs[1] ? forB() : undefined];
    },
  }),
  // The weights are frozen: only x has a gradient.
  linear: <T>(ops: Ops<T>, x: T, weight: Floats, bias?: Floats): Derived<T> => ({
    outputs: [ops.linear(x, weight, bias)],
    saved: [],
    back: ([g], _, o) => [o.linearTransposed(g as T, weight)],
  }),
  linearTransposed: <T>(ops: Ops<T>, x: T, weight: Floats): Derived<T> => ({
    outputs: [ops.linearTransposed(x, weight)],
    saved: [],
    back: ([g], _, o) => [o.linear(g as T, weight)],
  }),
  layerNorm: <T>(ops: Ops<T>, x: T, gain: Floats, bias: Floats): Derived<T> => ({
    outputs: [ops.layerNorm(x, gain, bias)],
    saved: [x],
    back: ([g], [v], o) => {
      const scale = 1 / gain.data.length;
      const last = [o.shape(v as T).length - 1];
      const mean = (t: T): T => o.affine(o.sum(t, last), { scale });
      const centred = o.subtract(v as T, mean(v as T));
      const variance = mean(o.multiply(centred, centred));
      const inverse = o.rsqrt(o.affine(variance, { shift: layerNormEpsilon }));
      const normal = o.multiply(centred, inverse);
      const d = o.multiply(g as T, o.constant(gain));
      const along = o.multiply(normal, mean(o.multiply(d, normal)));
      return [o.multiply(inverse, o.subtract(o.subtract(d, mean(d)), along))];
    },
  }),
  softmax: <T>(ops: Ops<T>, x: T, options: { causal: boolean }): Derived<T> => {
    const y = ops.softmax(x, options);
    return {
      outputs: [y],
      saved: [y],
      back: ([g], [p], o) => {
        const weighted = o.multiply(g as T, p as T);
        const total = o.sum(weighted, [o.shape(p as T).length - 1]);
        return [o.subtract(weighted, o.multiply(p as T, total))];
      },
    };
  },
  reshape: <T>(ops: Ops<T>, x: T, to: readonly (Dim | -1)[]): Derived<T> => {
    const shape = ops.shape(x);
    return { outputs: [ops.reshape(x, to)], saved: [], back: ([g], _, o) => [o.reshape(g as T, shape)] };
  },
  transpose: <T>(ops: Ops<T>, x: T, axes: readonly number[]): Derived<T> => ({
    outputs: [ops.transpose(x, axes)],
    saved: [],
    back: ([g], _, o) => [
      o.transpose(
        g as T,
        axes.map((_axis, i) => axes.indexOf(i)),
      ),
    ],
  }),
  gatherRows: <T>(
    ops: Ops<T>,
    x: T,
    index: T,
    { index: from, mask }: { index: T; mask?: T | undefined },
  ): Derived<T> => ({
    outputs: [ops.gatherRows(x, index, { index: from })],
    saved: [from, index, ...(mask === undefined ? [] : [mask])],
    back: ([g], [to, of, taken], o) => {
      const rows = o.gatherRows(g as T, to as T, { index: of as T });
      return [taken === undefined ? rows : o.multiply(rows, taken)];
    },
  }),
  // Splitting and joining are each other's transpose.
  split: <T>(ops: Ops<T>, x: T, axis: number, sizes: readonly Dim[]): Derived<T> => ({
    outputs: ops.split(x, axis, sizes),
    saved: [],
    back: (g, _, o) => [o.concat(g, axis)],
  }),
  concat: <T>(ops: Ops<T>, xs: readonly T[], axis: number): Derived<T> => {
    const sizes = xs.map((x) => ops.shape(x)[axis]!);
    return { outputs: [ops.concat(xs, axis)], saved: [], back: ([g], _, o) => o.split(g as T, axis, sizes) };
  },
} as const;

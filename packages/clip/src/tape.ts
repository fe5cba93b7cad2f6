import { rules, type Derived } from "./gradients.js";
import { composeAttention, type Dim, type Ops } from "./ops.js";

/** A tower's function over any engine's values. */
export type TensorFunction = <T>(ops: Ops<T>, inputs: readonly T[]) => readonly T[];

/** A value on the tape: `id` numbers it if a gradient may flow to it. */
interface Taped<T> {
  readonly value: T;
  readonly id?: number;
}

interface Entry<T> {
  readonly inputs: readonly (number | undefined)[];
  readonly outputs: readonly number[];
  readonly shapes: readonly (readonly Dim[])[];
  readonly saved: readonly number[];
  readonly back: Derived<T>["back"];
}

/** A function with a pullback: `forward` once, then `backward` with what it saved, in the same values or in another graph of the same engine. */
export interface Recording<T> {
  forward(inputs: readonly T[]): { outputs: readonly T[]; saved: readonly T[] };
  backward(gradients: readonly T[], saved: readonly T[], ops?: Ops<T>): readonly T[];
}

/** Records `f` so that gradients of its outputs can be taken back to its first `differentiate` inputs. */
export function record<T>(ops: Ops<T>, f: TensorFunction, { differentiate }: { differentiate: number }): Recording<T> {
  const entries: Entry<T>[] = [];
  const saved: T[] = [];
  const positions = new Map<T, number>();
  let count = 0;
  let inputIds: readonly number[] = [];
  let inputShapes: readonly (readonly Dim[])[] = [];
  let outputIds: readonly (number | undefined)[] = [];

  const keep = (value: T): number => {
    const known = positions.get(value);
    if (known !== undefined) return known;
    positions.set(value, saved.push(value) - 1);
    return saved.length - 1;
  };
  const taped = (
    inputs: readonly Taped<T>[],
    derive: (values: readonly T[], needs: readonly boolean[]) => Derived<T>,
  ) => {
    const needs = inputs.map(({ id }) => id !== undefined);
    const {
      outputs,
      saved: toSave,
      back,
    } = derive(
      inputs.map(({ value }) => value),
      needs,
    );
    if (!needs.includes(true)) return outputs.map((value): Taped<T> => ({ value }));
    const ids = outputs.map(() => count++);
    const shapes = outputs.map((value) => ops.shape(value));
    entries.push({ inputs: inputs.map(({ id }) => id), outputs: ids, shapes, saved: toSave.map(keep), back });
    return outputs.map((value, i): Taped<T> => ({ value, id: ids[i]! }));
  };
  const one = (x: Taped<T>, derive: (x: T) => Derived<T>): Taped<T> => taped([x], ([v]) => derive(v as T))[0]!;
  const two = (
    a: Taped<T>,
    b: Taped<T>,
    derive: (xs: readonly [T, T], needs: readonly boolean[]) => Derived<T>,
  ): Taped<T> => taped([a, b], (xs, needs) => derive(xs as readonly [T, T], needs))[0]!;

  const tapeOps: Ops<Taped<T>> = {
    shape: (x) => ops.shape(x.value),
    scope: (run) =>
      ops.scope(() => {
        const start = saved.length;
        const result = run();
        return { result, saved: saved.slice(start) }; // what the way back needs survives the scope
      }).result,
    free: () => {},
    constant: (value) => ({ value: ops.constant(value) }),
    zeros: (shape) => ({ value: ops.zeros(shape) }),
    add: (a, b) => two(a, b, (xs, needs) => rules.add(ops, xs, needs)),
    subtract: (a, b) => two(a, b, (xs, needs) => rules.subtract(ops, xs, needs)),
    multiply: (a, b) => two(a, b, (xs, needs) => rules.multiply(ops, xs, needs)),
    affine: (x, o) => one(x, (v) => rules.affine(ops, v, o)),
    sum: (x, axes) => one(x, (v) => rules.sum(ops, v, axes)),
    exp: (x) => one(x, (v) => rules.exp(ops, v)),
    sigmoid: (x) => one(x, (v) => rules.sigmoid(ops, v)),
    erf: (x) => one(x, (v) => rules.erf(ops, v)),
    rsqrt: (x) => one(x, (v) => rules.rsqrt(ops, v)),
    quickGelu: (x) => one(x, (v) => rules.quickGelu(ops, v)),
    gelu: (x) => one(x, (v) => rules.gelu(ops, v)),
    matMul: (a, b, o) => two(a, b, (xs, needs) => rules.matMul(ops, xs, needs, o)),
    linear: (x, weight, bias) => one(x, (v) => rules.linear(ops, v, weight, bias)),
    linearTransposed: (x, weight) => one(x, (v) => rules.linearTransposed(ops, v, weight)),
    layerNorm: (x, gain, bias) => one(x, (v) => rules.layerNorm(ops, v, gain, bias)),
    softmax: (x, o) => one(x, (v) => rules.softmax(ops, v, o)),
    attention: (q, k, v, o) => composeAttention(tapeOps, q, k, v, o), // its rule is those of its parts
    reshape: (x, shape) => one(x, (v) => rules.reshape(ops, v, shape)),
    transpose: (x, axes) => one(x, (v) => rules.transpose(ops, v, axes)),
    split: (x, axis, sizes) => taped([x], ([v]) => rules.split(ops, v as T, axis, sizes)),
    gatherRows: (x, index, { index: from, mask }) =>
      one(x, (v) => rules.gatherRows(ops, v, index.value, { index: from.value, mask: mask?.value })),
    concat: (xs, axis) => taped(xs, (vs) => rules.concat(ops, vs, axis))[0]!,
    relu: (x) => ({ value: ops.relu(withoutGradient("relu", x)) }),
    convolve: (x, weight, bias, o) => ({ value: ops.convolve(withoutGradient("convolve", x), weight, bias, o) }),
    averagePool: (x, size) => ({ value: ops.averagePool(withoutGradient("averagePool", x), size) }),
  };

  return {
    forward(inputs) {
      inputShapes = inputs.slice(0, differentiate).map((x) => ops.shape(x));
      inputIds = inputShapes.map(() => count++);
      const outputs = f(
        tapeOps,
        inputs.map((value, i): Taped<T> => (i < differentiate ? { value, id: inputIds[i]! } : { value })),
      );
      outputIds = outputs.map(({ id }) => id);
      return { outputs: outputs.map(({ value }) => value), saved };
    },
    backward(gradients, values, o = ops) {
      const pending = createGradients(o, gradients);
      outputIds.forEach((id, i) => id !== undefined && pending.add(id, gradients[i]!));
      for (const entry of [...entries].reverse()) {
        if (!entry.outputs.some((id) => pending.has(id))) continue;
        const results = o.scope(() => {
          const ys = entry.outputs.map((id, i) => pending.get(id) ?? o.zeros(entry.shapes[i]!));
          return entry.back(
            ys,
            entry.saved.map((i) => values[i]!),
            o,
          );
        });
        entry.inputs.forEach((id, i) => {
          const result = results[i];
          if (result === undefined) return;
          if (id === undefined) pending.drop(result);
          else pending.add(id, result);
        });
        entry.outputs.forEach((id) => pending.remove(id));
      }
      return inputIds.map((id, i) => pending.get(id) ?? o.zeros(inputShapes[i]!));
    },
  };
}

/** The value of what serves pictures only, whose gradient nobody asks for. */
function withoutGradient<T>(operation: string, { value, id }: Taped<T>): T {
  if (id === undefined) return value;
  throw new Error(
    `${operation}: expected a value without gradient, as pictures are, came one with: it has no way back`,
  );
}

/** Gradients not yet passed on. A rule may hand one value to several inputs, so a value is freed when its last holder goes. */
function createGradients<T>(ops: Ops<T>, external: readonly T[]) {
  const gradients = new Map<number, T>();
  const holders = new Map<T, number>();
  for (const value of external) holders.set(value, 1); // the caller's own
  const hold = (value: T, change: number): void => {
    const left = (holders.get(value) ?? 0) + change;
    holders.set(value, left);
    if (left > 0) return;
    holders.delete(value);
    ops.free(value);
  };
  return {
    has: (id: number) => gradients.has(id),
    get: (id: number) => gradients.get(id),
    add(id: number, value: T): void {
      const before = gradients.get(id);
      const after = before === undefined ? value : ops.add(before, value);
      hold(after, 1);
      gradients.set(id, after);
      if (before === undefined) return;
      hold(before, -1);
      if (!holders.has(value)) ops.free(value);
    },
    /** A gradient that nobody asked for. */
    drop(value: T): void {
      if (!holders.has(value)) ops.free(value);
    },
    remove(id: number): void {
      const value = gradients.get(id);
      if (value === undefined) return;
      gradients.delete(id);
      hold(value, -1);
    },
  };
}

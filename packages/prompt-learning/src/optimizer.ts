/** Settings of stochastic gradient descent. */
export interface Sgd {
  readonly learningRate: number;
  readonly momentum: number;
  /** Coupled: added to the gradient before the momentum. */
  readonly weightDecay: number;
}

/**
 * One step of SGD with momentum and coupled weight decay, as PyTorch's `optim.SGD` with dampening 0 and no Nesterov:
 * d = g + weightDecay * w; v = momentum * v + d; w = w - learningRate * v. Returns new arrays, rounded to float32.
 *
 * A velocity of zeros is the start: PyTorch's first step (v = d) is the same.
 *
 * @example
 * ```ts
 * import { sgdStep } from "@locoop/prompt-learning";
 *
 * const sgd = { learningRate: 0.25, momentum: 0.9, weightDecay: 0 };
 * console.log(sgdStep(Float32Array.of(1), Float32Array.of(2), new Float32Array(1), sgd).values); // → 0.5
 * ```
 */
export function sgdStep(
  values: Float32Array,
  gradient: Float32Array,
  velocity: Float32Array,
  { learningRate, momentum, weightDecay }: Sgd,
): { values: Float32Array; velocity: Float32Array } {
  const nextVelocity = velocity.map((v, i) => momentum * v + gradient[i]! + weightDecay * values[i]!);
  const nextValues = values.map((w, i) => w - learningRate * nextVelocity[i]!);
  return { values: nextValues, velocity: nextVelocity };
}

import { AREA, SIDE, type Uniform } from "./canvas.js";

/** Keys' cubic with a = -0.75, the weights of four neighbours at a fraction 0..1 (PyTorch's `bicubic`). */
function cubicWeights(fraction: number): [number, number, number, number] {
  const a = -0.75;
  const near = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return [far(fraction + 1), near(fraction), near(1 - fraction), far(2 - fraction)];
}

/** A plane of random numbers 0..1 on a coarse `cells` x `cells` grid, enlarged smoothly to [64, 64]; may overshoot a little. */
export function smoothNoise(random: Uniform, cells: number): Float32Array {
  const grid = Float32Array.from({ length: cells * cells }, () => random.random());
  const taps = Array.from({ length: SIDE }, (_, index) => {
    const at = ((index + 0.5) * cells) / SIDE - 0.5; // pixel centres, corners not aligned
    const first = Math.floor(at);
    return { weights: cubicWeights(at - first), first };
  });
  const cell = (index: number): number => Math.min(cells - 1, Math.max(0, index));
  const wide = new Float32Array(cells * SIDE); // [cells, 64]
  for (let row = 0; row < cells; row++) {
    taps.forEach(({ weights, first }, column) => {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += weights[k]! * grid[row * cells + cell(first - 1 + k)]!;
      wide[row * SIDE + column] = sum;
    });
  }
  const plane = new Float32Array(AREA);
  taps.forEach(({ weights, first }, row) => {
    for (let column = 0; column < SIDE; column++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += weights[k]! * wide[cell(first - 1 + k) * SIDE + column]!;
      plane[row * SIDE + column] = sum;
    }
  });
  return plane;
}

/** A plane of random numbers 0..1 on a coarse grid, each cell one flat block: [64, 64]. */
export function blockNoise(random: Uniform, cells: number): Float32Array {
  const grid = Float32Array.from({ length: cells * cells }, () => random.random());
  const cell = (index: number): number => Math.floor((index * cells) / SIDE);
  return Float32Array.from(
    { length: AREA },
    (_, pixel) => grid[cell(Math.floor(pixel / SIDE)) * cells + cell(pixel % SIDE)]!,
  );
}

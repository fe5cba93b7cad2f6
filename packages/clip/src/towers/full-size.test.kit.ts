import type { Floats } from "../floats.js";

// Weights of any size from a formula in integers, as the reference values at full size were computed with.

/** The hash: all steps modulo 2^32. */
export const mix = (value: number): number => {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
};

/** Numbers `begin` to `end` of tensor number `tensor`, rounded to float32 once. */
export function fillRange(
  { tensor, amplitude, base }: { tensor: number; amplitude: number; base: number },
  begin: number,
  end: number,
): Float32Array<ArrayBuffer> {
  const data = new Float32Array(end - begin);
  const key = mix(tensor + 0x9e3779b9);
  for (let i = begin; i < end; i++) data[i - begin] = base + amplitude * (mix(i ^ key) / 2147483648 - 1);
  return data;
}

/** The whole tensor. */
export function fill(tensor: number, shape: number[], amplitude: number, base = 0): Floats {
  const count = shape.reduce((a, b) => a * b, 1);
  return { data: fillRange({ tensor, amplitude, base }, 0, count), shape };
}

import type { WeightMap } from "./names.js";

/** What tells two models' weights apart: names in one only, other shapes, other bits. Empty where they are the same. */
export function differences(weights: WeightMap, expected: WeightMap): string[] {
  const names = new Set([...weights.keys(), ...expected.keys()]);
  return [...names].flatMap((name) => {
    const [got, wanted] = [weights.get(name), expected.get(name)];
    if (!got || !wanted) return [`${name} is ${got ? "unexpected" : "missing"}`];
    if (got.shape.join() !== wanted.shape.join()) return [`${name} is [${got.shape}], not [${wanted.shape}]`];
    return sameBits(got.data, wanted.data) ? [] : [`${name} has other values`];
  });
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  if (a.length !== b.length) return false;
  const [x, y] = [a, b].map(({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length)) as [
    Uint32Array,
    Uint32Array,
  ];
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

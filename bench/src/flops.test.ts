import { describe, expect, test } from "vitest";
import { headFlops, imageFlops, textFlops } from "./flops.js";

// Products written out for sizes small enough to count: [m, n, k] is an m x k matrix times a k x n matrix.
const count = (products: readonly (readonly [number, number, number])[]): number =>
  products.reduce((sum, [m, n, k]) => sum + 2 * m * n * k, 0);

describe("needed operations", () => {
  test("a picture of 4 regions through 2 blocks of width 8", () => {
    const sizes = { width: 8, layers: 2, regions: 4, patchPixels: 12, embed: 6 };
    const global = count([
      [4, 8, 12], // patches
      ...[8, 8, 8, 8].map((n) => [5, n, 8] as const), // first block: q, k, v, out
      [5, 32, 8],
      [5, 8, 32],
      [5, 5, 8], // scores and values of attention
      [5, 8, 5],
      [5, 8, 8], // last block: k and v of all, q and the rest of the class token
      [5, 8, 8],
      [1, 8, 8],
      [1, 8, 8],
      [1, 32, 8],
      [1, 8, 32],
      [1, 5, 8],
      [1, 8, 5],
      [1, 6, 8], // projection
    ]);
    expect(imageFlops({ ...sizes, local: false })).toBe(global);
    const path = count([
      [4, 8, 8],
      [4, 32, 8],
      [4, 8, 32],
      [4, 6, 8],
    ]);
    expect(imageFlops({ ...sizes, local: true })).toBe(global + path);
  });

  test("prompts: own tokens see the shared ones and earlier own ones", () => {
    const sizes = { width: 4, layers: 1, embed: 3, shared: 2, own: [1, 2] };
    const linear = count([
      [5, 8, 4], // keys and values of 2 shared and 3 own tokens
      [2, 8, 4], // query and out of two end tokens
      [2, 16, 4],
      [2, 4, 16],
      [2, 3, 4],
    ]);
    const attention = 2 * count([[2 + 1 + 2 + 2, 1, 4]]); // the end tokens see 3 and 4 tokens
    expect(textFlops({ ...sizes, gradient: false })).toBe(linear + attention);
    expect(textFlops({ ...sizes, gradient: true })).toBe(2 * linear + 3 * attention);
    const deeper = textFlops({ ...sizes, layers: 2, gradient: false }) - linear - attention;
    // A block before the last: all of 5 tokens; pairs: shared 1 + 2, own 2 + 1 and 4 + 1 + 2.
    expect(deeper).toBe(count([[5, 48, 4]]) + 2 * count([[3 + 3 + 7, 1, 4]]));
  });

  test("ViT-B/16 needs 35 billion a picture, as is known", () => {
    const flops = imageFlops({ width: 768, layers: 12, regions: 196, patchPixels: 768, embed: 512, local: false });
    expect(flops / 1e9).toBeGreaterThan(32);
    expect(flops / 1e9).toBeLessThan(35.2); // 35.1 with a whole last block
  });

  test("the head: cosines and their gradient by the classes", () => {
    expect(headFlops({ rows: 10, classes: 3, embed: 2 })).toBe(240);
  });
});

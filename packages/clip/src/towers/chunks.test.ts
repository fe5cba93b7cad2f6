import { array, assert, integer, property } from "fast-check";
import { expect, test } from "vitest";
import { estimateTextMemory, planChunks } from "./chunks.js";

const bytes = (classes: number, length: number): number => classes * length;

test("every class is in one chunk, long enough and inside the limit", () => {
  assert(
    property(
      array(integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 60 }),
      integer({ min: 9, max: 200 }),
      (lengths, memoryLimit) => {
        const chunks = planChunks({ lengths, shared: 5, bytes, memoryLimit });
        const rows = chunks.flatMap(({ classes }) => classes).toSorted((a, b) => a - b);
        expect(rows).toEqual(lengths.map((_, row) => row));
        for (const { classes, length } of chunks) {
          expect(Math.max(...classes.map((row) => lengths[row]!))).toBeLessThanOrEqual(length);
          expect(bytes(classes.length, length)).toBeLessThanOrEqual(memoryLimit);
        }
      },
    ),
    { seed: 1 },
  );
});

test("a few short prompts run together, many of one length apart", () => {
  const few = planChunks({ lengths: [4, 5, 6], shared: 17, bytes, memoryLimit: Infinity });
  expect(few).toEqual([{ classes: [0, 1, 2], length: 6 }]);
  const lengths = Array.from({ length: 200 }, (_, i) => (i < 100 ? 3 : 8));
  const many = planChunks({ lengths, shared: 17, bytes, memoryLimit: Infinity });
  expect(many.map(({ classes, length }) => [classes.length, length])).toEqual([
    [100, 3],
    [100, 8],
  ]);
});

test("a class that alone is over the limit still runs, alone", () => {
  expect(planChunks({ lengths: [9, 9], shared: 0, bytes, memoryLimit: 1 })).toHaveLength(2);
});

test("what a thousand prompts of ViT-B/16 leave for the way back", () => {
  const sizes = { width: 512, layers: 12, heads: 8 };
  const { saved } = estimateTextMemory(sizes, { classes: 1000, length: 5, shared: 17 });
  // 5017 tokens x 12 blocks x (9 x 512 + about 8 x 22) x 4 bytes
  expect(saved / 1e9).toBeCloseTo(1.152, 2);
});

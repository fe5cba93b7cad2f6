import { setTimeout as wait } from "node:timers/promises";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { batches, countBatches, epochOrder } from "./batches.js";
import type { Batch } from "./batches.js";
import { pythonRandom } from "./python-random.js";

const list = (n: number) => Array.from({ length: n }, (_, i) => i);
const collect = async <V, T>(source: AsyncIterable<Batch<V, T>>): Promise<Array<Batch<V, T>>> => {
  const all: Array<Batch<V, T>> = [];
  for await (const batch of source) all.push(batch);
  return all;
};

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  await wait(5);
  process.off("unhandledRejection", note);
  if (unhandled.length > 0) throw new Error(`unhandled rejections: ${unhandled.join(", ")}`);
});

describe("batches", () => {
  it("cover each item once an epoch, in an order that loading times do not change", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          n: fc.nat(40),
          size: fc.integer({ min: 1, max: 12 }),
          prefetch: fc.nat(3),
          concurrency: fc.integer({ min: 1, max: 20 }),
          seed: fc.maxSafeInteger(),
          epoch: fc.nat(),
          dropLast: fc.boolean(),
          shuffle: fc.boolean(),
        }),
        fc.infiniteStream(fc.nat(3)),
        async ({ n, ...options }, delays) => {
          const load = async (item: number): Promise<string> => {
            for (let turns = delays.next().value ?? 0; turns > 0; turns--) await Promise.resolve();
            return `value ${item}`;
          };
          const all = await collect(batches(list(n), { ...options, load }));
          const order = options.shuffle ? epochOrder(n, options) : list(n);
          const kept = options.dropLast && n >= options.size ? n - (n % options.size) : n;
          expect(all.flatMap(({ indices }) => indices)).toEqual(order.slice(0, kept));
          expect(all.flatMap(({ items }) => items)).toEqual(order.slice(0, kept));
          expect(all.flatMap(({ values }) => values)).toEqual(order.slice(0, kept).map((i) => `value ${i}`));
          expect(all).toHaveLength(countBatches(n, options));
          expect(all.map(({ batch }) => batch)).toEqual(list(all.length));
        },
      ),
      { numRuns: 100 },
    );
  });

  it("shuffle by Python's generator, differently each epoch", () => {
    expect(epochOrder(12, { seed: 0, epoch: 1 })).toEqual(pythonRandom(1).shuffle(list(12)));
    expect(epochOrder(12, { seed: 1, epoch: 2 })).toEqual(pythonRandom(2 ** 32 + 2).shuffle(list(12)));
    expect(epochOrder(12, { seed: 1, epoch: 2 })).not.toEqual(epochOrder(12, { seed: 1, epoch: 3 }));
  });

  it("drop a last batch that is not full only if there is a full one", () => {
    expect([31, 32, 33, 0].map((n) => countBatches(n, { size: 32 }))).toEqual([1, 1, 1, 0]);
    expect(countBatches(33, { size: 32, dropLast: false })).toBe(2);
  });

  it("keep the loads under way and ahead within their bounds", async () => {
    let running = 0;
    let most = 0;
    let started = 0;
    const load = async (): Promise<void> => {
      most = Math.max(most, ++running);
      started++;
      await wait(1);
      running--;
    };
    let seen = 0;
    for await (const { batch } of batches(list(60), { size: 5, prefetch: 2, concurrency: 4, load })) {
      seen++;
      await wait(8);
      expect(started).toBe(Math.min(60, (batch + 3) * 5));
    }
    expect([seen, most, started]).toEqual([12, 4, 60]);
  });

  it("load nothing before they are asked, and nothing ahead without prefetch", async () => {
    let started = 0;
    const source = batches(list(9), { size: 3, prefetch: 0, load: () => ++started });
    await wait(2);
    expect(started).toBe(0);
    await source.next();
    await wait(2);
    expect(started).toBe(3);
    await source.return();
  });

  it("begin at a batch without loading those before it", async () => {
    const loaded: number[] = [];
    const load = (item: number): number => loaded.push(item);
    const options = { size: 4, seed: 5, epoch: 2, load };
    const whole = await collect(batches(list(22), options));
    loaded.length = 0;
    const rest = await collect(batches(list(22), { ...options, firstBatch: 3 }));
    expect(rest.map(({ indices }) => indices)).toEqual(whole.slice(3).map(({ indices }) => indices));
    expect(rest.map(({ batch }) => batch)).toEqual([3, 4]);
    expect(new Set(loaded)).toEqual(new Set(rest.flatMap(({ indices }) => indices)));
    expect(loaded).toHaveLength(8);
    expect(await collect(batches(list(22), { ...options, firstBatch: 5 }))).toEqual([]);
  });

  it("yield the batches before a failed load, throw its error, then load no more", async () => {
    let started = 0;
    const load = async (item: number): Promise<number> => {
      started++;
      await wait(1);
      if (item >= 5) throw new Error(`cannot load ${item}`);
      return item;
    };
    const seen: number[][] = [];
    const run = async (): Promise<void> => {
      for await (const { values } of batches(list(100), { size: 2, shuffle: false, load })) seen.push(values);
    };
    await expect(run()).rejects.toThrow("cannot load 5");
    expect(seen).toEqual([
      [0, 1],
      [2, 3],
    ]);
    const atFailure = started;
    await wait(10);
    expect(started).toBe(atFailure);
    expect(started).toBeLessThanOrEqual(10);
  });

  it("turn a load that throws at once into the epoch's error", async () => {
    const load = (): never => {
      throw new Error("at once");
    };
    await expect(collect(batches(list(4), { size: 2, load }))).rejects.toThrow("at once");
  });

  it("may be left early: no further load starts, and the loaders' signal fires", async () => {
    let started = 0;
    let told = 0;
    const load = async (_: number, index: number, signal: AbortSignal): Promise<number> => {
      started++;
      if (index >= 2) {
        signal.addEventListener("abort", () => told++);
        await wait(20, undefined, { signal });
      }
      return index;
    };
    for await (const batch of batches(list(100), { size: 2, shuffle: false, prefetch: 3, concurrency: 4, load })) {
      expect(batch.values).toEqual([0, 1]);
      break;
    }
    const atLeaving = started;
    await wait(30);
    expect(started).toBe(atLeaving);
    expect(told).toBe(4);
  });

  it("end at once when aborted, though a load hangs", async () => {
    const controller = new AbortController();
    const source = batches(list(10), { size: 2, load: () => new Promise<never>(() => {}), signal: controller.signal });
    const next = source.next();
    setTimeout(() => controller.abort(new Error("enough")), 2);
    await expect(next).rejects.toThrow("enough");
    expect(await source.next()).toEqual({ done: true, value: undefined });
    let started = 0;
    await expect(
      collect(batches(list(4), { size: 2, load: () => started++, signal: controller.signal })),
    ).rejects.toThrow("enough");
    expect(started).toBe(0);
  });

  it("end when aborted between two batches", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const { batch } of batches(list(10), { size: 2, load: (i) => i, signal: controller.signal })) {
        seen.push(batch);
        controller.abort();
      }
    };
    await expect(run()).rejects.toMatchObject({ name: "AbortError" });
    expect(seen).toEqual([0]);
  });

  it("refuse options out of range before anything is loaded", () => {
    const load = (i: number): number => i;
    expect(() => batches(list(4), { size: 0, load })).toThrow(
      "expected size to be a whole number from 1, got 0: change size",
    );
    expect(() => batches(list(4), { size: 2, prefetch: -1, load })).toThrow("prefetch");
    expect(() => batches(list(4), { size: 2, concurrency: 0, load })).toThrow("concurrency");
    expect(() => batches(list(4), { size: 2, epoch: 0.5, load })).toThrow("epoch");
    expect(() => batches(list(4), { size: 2, firstBatch: 3, load })).toThrow(
      "at most the 2 batches of the epoch, got 3",
    );
  });
});

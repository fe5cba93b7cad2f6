import type { Item } from "./dataset.js";
import { DatasetError } from "./errors.js";
import { pythonRandom } from "./python-random.js";

/**
 * One batch [B]: the items, what the loader made of them, their indices in the list given, and the number of the batch in its epoch.
 *
 * @example
 * ```ts
 * import type { Batch } from "@locoop/datasets";
 *
 * const batch: Batch<string> = { items: [{ path: "/a.jpg", label: 0 }], values: ["a"], indices: [0], batch: 0 };
 * console.log(batch.values);
 * ```
 */
export interface Batch<V, T = Item> {
  readonly items: T[];
  readonly values: V[];
  readonly indices: number[];
  readonly batch: number;
}

/**
 * Options of `batches`; see there.
 *
 * @example
 * ```ts
 * import type { BatchOptions } from "@locoop/datasets";
 *
 * const options: BatchOptions<string> = { size: 32, load: async ({ path }) => path };
 * console.log(options.size);
 * ```
 */
export interface BatchOptions<V, T = Item> {
  /** Items in a batch. */
  readonly size: number;
  /** With `epoch`, decides the order: the same pair, the same order. */
  readonly seed?: number;
  readonly epoch?: number;
  readonly shuffle?: boolean;
  /** Leaves out a last batch that is not full, unless it is the only one. */
  readonly dropLast?: boolean;
  /** Makes a value of an item, given its index in the list and a signal that fires when the value is no longer wanted. */
  readonly load: (item: T, index: number, signal: AbortSignal) => Promise<V> | V;
  /** Batches loaded ahead of the one in use. */
  readonly prefetch?: number;
  /** Calls of `load` under way at once, at most. */
  readonly concurrency?: number;
  /** The batch to begin with; those before it are not loaded. */
  readonly firstBatch?: number;
  readonly signal?: AbortSignal;
}

/**
 * How many batches an epoch has. A last batch that is not full is left out if `dropLast`, unless it is the only one (Dassl's rule).
 *
 * @example
 * ```ts
 * import { countBatches } from "@locoop/datasets";
 *
 * console.log(countBatches(1000, { size: 32 }), countBatches(10, { size: 32 })); // → 31 1
 * ```
 */
export function countBatches(items: number, { size, dropLast = true }: { size: number; dropLast?: boolean }): number {
  return dropLast && items >= size ? Math.floor(items / size) : Math.ceil(items / size);
}

/**
 * The order of an epoch, as indices [count]: Python's `shuffle` from the seed `(seed << 32) + epoch`.
 *
 * @example
 * ```ts
 * import { epochOrder } from "@locoop/datasets";
 *
 * console.log(epochOrder(5, { seed: 1, epoch: 0 }).length); // → 5
 * ```
 */
export function epochOrder(count: number, { seed = 0, epoch = 0 }: { seed?: number; epoch?: number } = {}): number[] {
  const indices = Array.from({ length: count }, (_, index) => index);
  return pythonRandom((BigInt(seed) << 32n) + BigInt(epoch)).shuffle(indices);
}

const requireWhole = (name: string, value: number, least: number): void => {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new DatasetError(`expected ${name} to be a whole number from ${least}, got ${value}: change ${name}`);
  }
};

/**
 * The batches of one epoch, loaded ahead through `load`, in an order that `seed` and `epoch` decide whatever the loading times.
 * An error of `load` ends the epoch at its batch; leaving the loop early or aborting `signal` starts no further load and fires the loaders' signal.
 * Throws `DatasetError` for options out of range.
 *
 * @example
 * ```ts
 * import { batches } from "@locoop/datasets";
 *
 * const items = ["a", "b", "c", "d"].map((name) => ({ path: `/data/${name}.jpg`, label: 0 }));
 * for await (const { values } of batches(items, { size: 2, seed: 1, load: async ({ path }) => path.length })) {
 *   console.log(values.join(" ")); // → 11 11
 * }
 * ```
 */
export function batches<V, T = Item>(
  items: readonly T[],
  options: BatchOptions<V, T>,
): AsyncGenerator<Batch<V, T>, void, undefined> {
  const { size, prefetch = 2, concurrency = 16, firstBatch = 0, seed = 0, epoch = 0 } = options;
  requireWhole("size", size, 1);
  requireWhole("prefetch", prefetch, 0);
  requireWhole("concurrency", concurrency, 1);
  requireWhole("firstBatch", firstBatch, 0);
  requireWhole("seed", seed, -Number.MAX_SAFE_INTEGER);
  requireWhole("epoch", epoch, 0);
  const count = countBatches(items.length, options);
  if (firstBatch > count) {
    throw new DatasetError(
      `expected firstBatch to be at most the ${count} batches of the epoch, got ${firstBatch}: begin the next epoch`,
    );
  }
  return generate(items, { ...options, prefetch, concurrency, firstBatch, seed, epoch }, count);
}

async function* generate<V, T>(
  items: readonly T[],
  options: BatchOptions<V, T> & {
    prefetch: number;
    concurrency: number;
    firstBatch: number;
    seed: number;
    epoch: number;
  },
  count: number,
): AsyncGenerator<Batch<V, T>, void, undefined> {
  const { size, load, prefetch, concurrency, firstBatch, shuffle = true, signal } = options;
  signal?.throwIfAborted();
  const order = shuffle ? epochOrder(items.length, options) : items.map((_, index) => index);
  const end = Math.min(items.length, count * size);
  const loads = new Map<number, Promise<V>>(); // by position in the order
  const stop = new AbortController();
  let started = firstBatch * size;
  let running = 0;
  let allowed = 0; // positions below it may be loaded

  const call = async (index: number): Promise<V> => load(items[index] as T, index, stop.signal);
  const pump = (): void => {
    while (!stop.signal.aborted && running < concurrency && started < allowed) {
      running++;
      const settled = (): void => {
        running--;
        pump();
      };
      const loading = call(order[started]!);
      // Also marks a rejection as handled: it is thrown when its batch is due, if it ever is.
      loading.then(settled, settled);
      loads.set(started++, loading);
    }
  };

  let forward = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    forward = () => {
      stop.abort(signal?.reason);
      reject(signal?.reason);
    };
  });
  aborted.catch(() => {}); // may fire while nobody waits
  signal?.addEventListener("abort", forward, { once: true });

  const collect = async (positions: readonly number[]): Promise<V[]> => {
    const values: V[] = [];
    for (const position of positions) {
      // Loads start in order and `settled` runs before what is below, so once all positions before it have settled this one has started.
      const loading = loads.get(position);
      if (loading === undefined) break; // stopped: nobody waits for these values
      values.push(await loading);
    }
    return values;
  };

  try {
    for (let batch = firstBatch; batch < count; batch++) {
      signal?.throwIfAborted();
      allowed = Math.min(end, (batch + 1 + prefetch) * size);
      pump();
      const first = batch * size;
      const positions = Array.from({ length: Math.min(size, end - first) }, (_, i) => first + i);
      const values = await Promise.race([collect(positions), aborted]);
      for (const position of positions) loads.delete(position);
      const indices = positions.map((position) => order[position]!);
      yield { items: indices.map((index) => items[index] as T), values, indices, batch };
    }
  } finally {
    signal?.removeEventListener("abort", forward);
    stop.abort();
  }
}

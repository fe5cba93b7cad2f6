/** Prompts encoded together: rows of the batch, all cut or padded to `length` own tokens. */
export interface Chunk {
  readonly classes: readonly number[];
  readonly length: number;
}

/** What a chunk needs in bytes: `saved` between the way forward and the way back, `working` only while it runs. */
export interface ChunkMemory {
  readonly saved: number;
  readonly working: number;
}

/** Sizes that memory depends on. */
export interface TextSizes {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
}

/** What one more run costs, in tokens: measured, a run's fixed work is that of about so many. */
const tokensPerRun = 24;

/** What a slot of attention costs, in tokens, whether a class fills it or not: the rest of a block's work is for tokens only. */
const tokensPerSlot = 0.25;

/**
 * Estimates a chunk's memory. Saved per token and block: two normalisations' inputs, queries, keys, values and the
 * hidden layer (9 widths), and its attention weights; working: the widest moment of one block's way back.
 */
export function estimateTextMemory(
  { width, layers, heads }: TextSizes,
  { classes, length, shared }: { classes: number; length: number; shared: number },
): ChunkMemory {
  const tokens = shared + classes * length;
  const attention = heads * (classes * length * (shared + length) + shared * shared);
  return {
    saved: 4 * layers * (9 * width * tokens + attention),
    working: 4 * (28 * width * tokens + 5 * attention),
  };
}

/**
 * Groups prompts by length so that attention has few empty slots, counting the shared beginning and a run's fixed
 * work once per chunk, then cuts groups that would not fit in `memoryLimit`. Rows keep their order inside a length.
 */
export function planChunks({
  lengths,
  shared,
  bytes,
  memoryLimit,
}: {
  lengths: ArrayLike<number>;
  shared: number;
  bytes: (classes: number, length: number) => number;
  memoryLimit: number;
}): Chunk[] {
  const byLength = new Map<number, number[]>();
  for (let row = 0; row < lengths.length; row++) {
    const length = lengths[row]!;
    byLength.set(length, [...(byLength.get(length) ?? []), row]);
  }
  const sorted = [...byLength].sort(([a], [b]) => a - b);
  return groupLengths(sorted, shared + tokensPerRun).flatMap(({ classes, length }) => {
    const most = largest(classes.length, (count) => bytes(count, length) <= memoryLimit);
    const pieces = Math.ceil(classes.length / most);
    return Array.from({ length: pieces }, (_, i) => ({
      classes: classes.slice(
        Math.floor((i * classes.length) / pieces),
        Math.floor(((i + 1) * classes.length) / pieces),
      ),
      length,
    }));
  });
}

/** The cheapest way to cut the sorted lengths in consecutive groups, each padded to its longest. */
function groupLengths(sorted: readonly (readonly [number, readonly number[]])[], perGroup: number): Chunk[] {
  const best: { cost: number; start: number }[] = [{ cost: 0, start: 0 }];
  for (let end = 1; end <= sorted.length; end++) {
    const [length] = sorted[end - 1]!;
    let choice = { cost: Infinity, start: 0 };
    for (let start = end - 1, count = 0; start >= 0; start--) {
      count += sorted[start]![1].length;
      const cost = best[start]!.cost + perGroup + tokensPerSlot * count * length;
      if (cost < choice.cost) choice = { cost, start };
    }
    best.push(choice);
  }
  const groups: Chunk[] = [];
  for (let end = sorted.length; end > 0; end = best[end]!.start) {
    const members = sorted.slice(best[end]!.start, end);
    groups.unshift({ classes: members.flatMap(([, rows]) => rows), length: sorted[end - 1]![0] });
  }
  return groups;
}

/** The largest count from 1 to `most` that fits; 1 where none does. */
export function largest(most: number, fits: (count: number) => boolean): number {
  let [low, high] = [1, most];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

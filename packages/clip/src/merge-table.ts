// Byte-pair encoding on the text of the merges itself: no merge becomes a string of its own, so that a tokenizer with 48,894 of
// them is made in a few milliseconds. A merge is found by the hash of the piece that it makes. Small functions on plain
// numbers, because most texts are read before a compiler has looked at them.

/** The merges of a byte-pair encoding; the rank of a merge is its place in the list. */
export interface MergeTable {
  readonly count: number;
  /** The merges, one a line. */
  readonly text: string;
  /** Where each of them begins. */
  readonly starts: Int32Array;
  /** Rank + 1 of a merge at the upper bits of its hash, or in the next slot that was free. */
  readonly slots: Int32Array;
  readonly shift: number;
}

const newline = 10;
const blank = 32;
const base = 31;
const spread = 0x9e3779b1;

/**
 * Reads the first `count` merges, or all, from a text with one a line or from a list; each is two pieces and a blank.
 * Throws when there are fewer merges than `count`, or one is none.
 */
export function createMergeTable(merges: string | readonly string[], count?: number): MergeTable {
  const text = typeof merges === "string" ? merges.trimEnd() : merges.join("\n");
  const lines = (): readonly string[] => (typeof merges === "string" ? text.split("\n") : merges);
  const wanted = count ?? (typeof merges === "string" ? Infinity : merges.length);
  // A merge has at least two characters and a line's end: so at most two thirds of the slots are taken.
  const shift = Math.clz32((text.length >> 1) + 1);
  const slots = new Int32Array(2 ** (32 - shift));
  const starts = new Int32Array(Math.ceil(text.length / 3) + 1);
  let size = 0;
  for (let at = 0; size < wanted && at <= text.length; size++) {
    starts[size] = at;
    const end = addMerge(text, at, slots, shift, size);
    const whole = typeof merges === "string" || end - at === merges[size]?.length; // a merge in a list holds no line's end
    if (end < 0 || !whole) throw new Error(`merge ${size + 1} is "${lines()[size]}"; expected two pieces and a blank`);
    at = end + 1;
  }
  if (!Number.isSafeInteger(count ?? size) || size !== (count ?? size)) {
    throw new Error(
      `the tokenizer needs ${count} merges, the table has ${lines().length}; pass the table the model was made with`,
    );
  }
  return { count: size, text, starts: starts.slice(0, size), slots, shift };
}

/** Enters the merge that begins at `at`; the end of its line, or -1 when it is no merge. */
function addMerge(text: string, at: number, slots: Int32Array, shift: number, rank: number): number {
  const start = at;
  const end = text.length;
  let hash = 0;
  let gaps = 0;
  for (; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === newline) break;
    if (code === blank) gaps += at === start ? 2 : 1;
    else hash = (Math.imul(hash, base) + code) | 0;
  }
  let slot = Math.imul(hash, spread) >>> shift;
  while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
  slots[slot] = rank + 1;
  return gaps === 1 ? at : -1;
}

/** The piece that a merge makes. */
export function pieceOf({ text, starts }: MergeTable, rank: number): string {
  const start = starts[rank] as number;
  const end = text.indexOf("\n", start);
  return text.slice(start, end < 0 ? text.length : end).replace(" ", "");
}

// Of the word at hand: the hashes of its beginnings, where its pieces begin, and the rank of each piece with the next.
let hashes = new Int32Array(0);
let bounds = new Int32Array(0);
let ranks = new Int32Array(0);
let powers = new Int32Array(0);
const unknown = -2;

/**
 * Joins the characters of a word by the merges: those of lowest rank first, everywhere they stand. The first `characters` count
 * one by one, the last of them with all that follows. For each piece that is left, `found` gets the last merge that makes it,
 * or -1, and where it begins and ends.
 */
export function cutWord(
  table: MergeTable,
  word: string,
  characters: number,
  found: (rank: number, begin: number, end: number) => void,
): void {
  if (word.length >= hashes.length) makeRoom(2 * word.length);
  let hash = 0;
  for (let i = 0; i < word.length; i++) {
    hash = (Math.imul(hash, base) + word.charCodeAt(i)) | 0;
    hashes[i + 1] = hash;
    bounds[i] = i;
  }
  bounds[characters] = word.length;
  ranks.fill(unknown, 0, characters);
  let pieces = characters;
  for (;;) {
    let best = table.count;
    for (let i = 0; i + 1 < pieces; i++) {
      let rank = ranks[i] as number;
      if (rank === unknown) {
        rank = find(table, word, bounds[i] as number, bounds[i + 1] as number, bounds[i + 2] as number);
        ranks[i] = rank;
      }
      if (rank >= 0 && rank < best) best = rank;
    }
    if (best === table.count) break;
    for (let i = 0; i + 1 < pieces; i++) {
      if (ranks[i] !== best) continue;
      bounds.copyWithin(i + 1, i + 2, pieces + 1);
      ranks.copyWithin(i, i + 1, pieces - 1);
      pieces--;
      ranks[i] = unknown;
      if (i > 0) ranks[i - 1] = unknown;
    }
  }
  for (let i = 0; i < pieces; i++) {
    const begin = bounds[i] as number;
    const end = bounds[i + 1] as number;
    found(find(table, word, begin, -1, end), begin, end);
  }
}

/** The last merge that makes the part of the word at hand, out of two pieces that meet at `middle` unless that is -1; or -1. */
function find(
  { text, starts, slots, shift }: MergeTable,
  word: string,
  from: number,
  middle: number,
  to: number,
): number {
  const hash = (hashes[to] as number) - Math.imul(hashes[from] as number, powers[to - from] as number);
  let found = 0;
  let slot = Math.imul(hash, spread) >>> shift;
  for (let entry = slots[slot] as number; entry !== 0; entry = slots[slot] as number) {
    slot = (slot + 1) & (slots.length - 1);
    if (entry < found) continue;
    let at = starts[entry - 1] as number;
    let i = from;
    for (; i < to; i++, at++) {
      let code = text.charCodeAt(at);
      if (code === blank && (middle < 0 || middle === i)) code = text.charCodeAt(++at);
      if (code !== word.charCodeAt(i)) break;
    }
    if (i < to) continue;
    if (middle < 0 && text.charCodeAt(at) === blank) at++; // a merge with nothing behind its blank
    if (at >= text.length || text.charCodeAt(at) === newline) found = entry;
  }
  return found - 1;
}

function makeRoom(length: number): void {
  length = Math.max(64, length);
  hashes = new Int32Array(length);
  bounds = new Int32Array(length);
  ranks = new Int32Array(length);
  powers = new Int32Array(length);
  powers[0] = 1;
  for (let i = 1; i < length; i++) powers[i] = Math.imul(powers[i - 1] as number, base);
}

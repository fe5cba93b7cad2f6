import type { Random } from "../random.js";
import {
  chance,
  checksum,
  concat,
  integerBytes,
  interestingIntegers,
  mutateBytes,
  noise,
  pick,
  utf8,
} from "./bytes.test.kit.js";

/** A picture's parts: what stands before them, the parts, and how they are put together again. */
interface Parts {
  readonly pieces: readonly Uint8Array[];
  join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
  /** Where a piece keeps its sizes: offset and width of big- or little-endian integers. */
  readonly sizes: (
    piece: Uint8Array,
  ) => readonly { readonly at: number; readonly width: number; readonly big: boolean }[];
}

/** A picture file changed as bytes, or chunk by chunk with lengths and checksums made right, so that decoders are reached. */
export function mutatePicture(
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const parts = chance(random, 0.7) ? splitPicture(bytes) : undefined;
  if (!parts) return mutateBytes(bytes, random, others);
  let pieces = [...parts.pieces];
  const rounds = 1 + (chance(random, 0.6) ? 0 : random.integer(4));
  for (let i = 0; i < rounds && pieces.length > 0; i++) pieces = changePieces(pieces, parts, random);
  const file = parts.join(pieces);
  return chance(random, 0.05) ? mutateBytes(file, random, others) : file;
}

function changePieces(pieces: Uint8Array[], { sizes }: Parts, random: Random): Uint8Array[] {
  const at = chance(random, 0.3) ? 0 : random.integer(pieces.length);
  const piece = pieces[at] as Uint8Array;
  const replaceBy = (...by: readonly Uint8Array[]): Uint8Array[] => [
    ...pieces.slice(0, at),
    ...by,
    ...pieces.slice(at + 1),
  ];
  switch (random.integer(8)) {
    case 0:
      return replaceBy();
    case 1:
      return replaceBy(...Array<Uint8Array>(pick(random, [2, 3, 200])).fill(piece));
    case 2: {
      const to = random.integer(pieces.length);
      return pieces.map((old, i) => (i === at ? (pieces[to] as Uint8Array) : i === to ? piece : old));
    }
    case 3:
    case 4: {
      const places = sizes(piece);
      if (places.length === 0) return replaceBy(mutateBytes(piece, random));
      const { at: offset, width, big } = pick(random, places);
      const changed = new Uint8Array(piece);
      const value = chance(random, 0.5) ? pick(random, interestingIntegers) : random.integer(3000);
      if (offset + width <= changed.length) changed.set(integerBytes(value, width, { big }), offset);
      return replaceBy(changed);
    }
    case 5:
      return replaceBy(piece, mutateBytes(pick(random, pieces), random));
    default:
      return replaceBy(mutateBytes(piece, random, pieces));
  }
}

function splitPicture(bytes: Uint8Array): Parts | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (start.startsWith("\x89PNG")) return splitPng(bytes);
  if (start.startsWith("\xff\xd8")) return splitJpeg(bytes);
  if (start.startsWith("GIF8")) return splitGif(bytes);
  if (start.startsWith("RIFF")) return splitWebp(bytes);
  if (start.slice(4, 8) === "ftyp") return splitBoxes(bytes);
  if (start.startsWith("II*\0")) return splitTiff(bytes);
  return undefined;
}

/** Pieces are a chunk's type and data. */
function splitPng(bytes: Uint8Array): Parts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces: Uint8Array[] = [];
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    pieces.push(bytes.slice(at + 4, at + 8 + length));
    at += 12 + length;
  }
  return {
    pieces,
    join: (changed) =>
      concat([
        bytes.subarray(0, 8),
        ...changed.flatMap((piece) => [
          integerBytes(Math.max(0, piece.length - 4), 4, { big: true }),
          piece,
          integerBytes(checksum(piece), 4, { big: true }),
        ]),
      ]),
    sizes: (piece) =>
      piece.length >= 17 && piece[1] === 0x48 // IHDR
        ? [
            ...[4, 8].map((at) => ({ at, width: 4, big: true })),
            ...[12, 13, 14, 15, 16].map((at) => ({ at, width: 1, big: true })),
          ]
        : [],
  };
}

/** Pieces are a marker and its data; a scan's entropy-coded bytes belong to the segment before them. */
function splitJpeg(bytes: Uint8Array): Parts {
  const pieces: Uint8Array[] = [];
  for (let at = 2; at + 2 <= bytes.length;) {
    const bare = bytes[at + 1] === 0xd9;
    let end = bare ? at + 2 : at + 2 + ((bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0));
    if (bytes[at + 1] === 0xda) end = endOfScan(bytes, end);
    pieces.push(bytes.slice(at, end));
    at = Math.max(end, at + 2);
  }
  return {
    pieces,
    join: (changed) =>
      concat([
        bytes.subarray(0, 2),
        ...changed.map((piece) => {
          // A segment that grew says so, scans excepted: their length is that of their header.
          const marker = piece[1] as number;
          if (piece.length < 4 || marker === 0xda || marker === 0xd9) return piece;
          return concat([piece.subarray(0, 2), integerBytes(piece.length - 2, 2, { big: true }), piece.subarray(4)]);
        }),
      ]),
    sizes: (piece) => {
      const marker = piece[1] as number;
      if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4) {
        return [
          ...[5, 7].map((at) => ({ at, width: 2, big: true })),
          ...[4, 9, 10, 11, 12].map((at) => ({ at, width: 1, big: true })),
        ];
      }
      return marker === 0xda || marker === 0xdd ? [2, 4, 5, 6, 8, 9].map((at) => ({ at, width: 1, big: true })) : [];
    },
  };
}

/** Where entropy-coded bytes end: at a marker that is neither a stuffed byte nor a restart. */
function endOfScan(bytes: Uint8Array, begin: number): number {
  for (let at = begin; at < bytes.length - 1; at++) {
    const next = bytes[at + 1] as number;
    if (bytes[at] === 0xff && next !== 0 && (next & 0xf8) !== 0xd0) return at;
  }
  return Math.max(begin, bytes.length - 1);
}

/** Pieces are the screen with its colours, then extensions and pictures. */
function splitGif(bytes: Uint8Array): Parts {
  const table = (flags: number): number => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  const pieces: Uint8Array[] = [];
  let at = 13 + table(bytes[10] ?? 0);
  pieces.push(bytes.slice(6, at));
  while (at < bytes.length && bytes[at] !== 0x3b) {
    const begin = at;
    if (bytes[at] === 0x2c) at += 11 + table(bytes[at + 9] ?? 0);
    else at += 2;
    while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] as number);
    pieces.push(bytes.slice(begin, ++at));
  }
  return {
    pieces,
    join: (changed) => concat([bytes.subarray(0, 6), ...changed, Uint8Array.of(0x3b)]),
    sizes: (piece) => (piece[0] === 0x2c ? [1, 3, 5, 7] : [0, 2]).map((at) => ({ at, width: 2, big: false })),
  };
}

/** Pieces are a chunk's name and data. */
function splitWebp(bytes: Uint8Array): Parts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces: Uint8Array[] = [];
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = view.getUint32(at + 4, true);
    pieces.push(concat([bytes.subarray(at, at + 4), bytes.subarray(at + 8, at + 8 + length)]));
    at += 8 + length + (length & 1);
  }
  return {
    pieces,
    join: (changed) => {
      const body = concat(
        changed.flatMap((piece) => [
          piece.subarray(0, 4),
          integerBytes(Math.max(0, piece.length - 4), 4),
          piece.subarray(4),
          new Uint8Array(piece.length & 1),
        ]),
      );
      return concat([utf8("RIFF"), integerBytes(body.length + 4, 4), utf8("WEBP"), body]);
    },
    sizes: (piece) =>
      piece[3] === 0x58 // VP8X: canvas of 24 bits less one
        ? [8, 11].map((at) => ({ at, width: 3, big: false }))
        : [5, 10, 12].map((at) => ({ at, width: 2, big: false })),
  };
}

/** Pieces are the outer boxes of an AVIF; offsets between them are not made right. */
function splitBoxes(bytes: Uint8Array): Parts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = Math.max(8, view.getUint32(at));
    pieces.push(bytes.slice(at + 4, at + length));
    at += length;
  }
  return {
    pieces,
    join: (changed) => concat(changed.flatMap((piece) => [integerBytes(piece.length + 4, 4, { big: true }), piece])),
    sizes: (piece) => {
      // Width and height of the picture stand after the name of their box.
      const found = String.fromCharCode(...piece.subarray(0, 2000)).indexOf("ispe");
      return found < 0 ? [] : [8, 12].map((offset) => ({ at: found + offset, width: 4, big: true }));
    },
  };
}

/** Pieces are the header, the data before the first directory, its entries, and what comes after; little-endian files only. */
function splitTiff(bytes: Uint8Array): Parts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const directory = Math.min(view.getUint32(4, true), bytes.length - 2);
  const count = view.getUint16(directory, true);
  const entries = Array.from({ length: count }, (_, i) => bytes.slice(directory + 2 + i * 12, directory + 14 + i * 12));
  const head = bytes.subarray(0, directory);
  const tail = bytes.subarray(Math.min(bytes.length, directory + 2 + count * 12));
  return {
    pieces: entries,
    // Offsets stay right as long as the number of entries does.
    join: (changed) => concat([head, integerBytes(changed.length, 2), ...changed, tail]),
    sizes: () => [
      { at: 0, width: 2, big: false },
      { at: 2, width: 2, big: false },
      { at: 4, width: 4, big: false },
      { at: 8, width: 4, big: false },
    ],
  };
}

/** A start that decoders take for a picture's, and noise. */
export function inventPicture(random: Random): Uint8Array<ArrayBuffer> {
  const starts = [
    "\xff\xd8\xff\xe0",
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "GIF89a",
    "RIFF\x40\0\0\0WEBPVP8 ",
    "II*\0\x08\0\0\0",
    "MM\0*\0\0\0\x08",
    "\0\0\0\x1cftypavif",
  ];
  const start = Uint8Array.from(pick(random, starts), (letter) => letter.charCodeAt(0));
  return concat([start, noise(random, random.integer(200))]);
}

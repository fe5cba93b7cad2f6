import type { RgbImage } from "../image.js";
import { checkPixels } from "./kinds.js";
import { printable } from "../weights/printable.js";

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly channels: number;
  readonly interlaced: boolean;
}

// Colour types: grey, RGB, palette, grey and alpha, RGB and alpha; with their channels and depths.
const channelsOf: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depthsOf: Record<number, readonly number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * A PNG as RGB, to Pillow's bytes: alpha, gamma and profiles are ignored (a canvas would lose the colours under transparency),
 * 16 bits are cut to the upper 8. Memory is that of the result and two rows. Source: the PNG specification, third edition.
 */
export async function decodePng(
  bytes: Uint8Array<ArrayBuffer>,
  { maxPixels }: { maxPixels: number },
): Promise<RgbImage> {
  const { header, palette, parts } = readChunks(bytes);
  const { width, height, interlaced } = header;
  checkPixels(width, height, maxPixels);
  const passes = (interlaced ? adam7 : [[0, 0, 1, 1] as const])
    .map(([left, top, stepX, stepY]) => ({
      left,
      top,
      stepX,
      stepY,
      columns: Math.ceil((width - left) / stepX),
      rows: Math.ceil((height - top) / stepY),
    }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const rowBytes = (columns: number) => Math.ceil((columns * header.channels * header.depth) / 8);
  const needed = passes.reduce((sum, { columns, rows }) => sum + rows * (1 + rowBytes(columns)), 0);
  const given = parts.reduce((sum, part) => sum + part.length, 0);
  // Deflate makes at most 1032 bytes of one: what the file cannot hold is not allocated.
  if (needed > given * 1032) throw new Error(`${given} bytes of pixels for ${width} x ${height}`);
  const data = new Uint8Array(width * height * 3);
  const input = inflate(parts);
  try {
    const apart = Math.max(1, (header.channels * header.depth) / 8);
    for (const { left, top, stepX, stepY, columns, rows } of passes) {
      let above = new Uint8Array(rowBytes(columns));
      let row = new Uint8Array(rowBytes(columns));
      const filter = new Uint8Array(1);
      for (let y = 0; y < rows; y++) {
        if (!input.take(filter)) await input.receive(filter);
        if (!input.take(row)) await input.receive(row);
        unfilter(filter[0] as number, row, above, apart);
        writeRow(row, data, { header, palette, columns, at: ((top + y * stepY) * width + left) * 3, step: stepX * 3 });
        [above, row] = [row, above];
      }
    }
    await input.finish();
  } finally {
    await input.cancel();
  }
  return { data, width, height };
}

/** The parts of a PNG that decide its pixels. Every checksum up to them is checked. */
function readChunks(bytes: Uint8Array<ArrayBuffer>): {
  header: Header;
  palette: Uint8Array;
  parts: Uint8Array<ArrayBuffer>[];
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const palette = new Uint8Array(256 * 3);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let header: Header | undefined;
  let hasPalette = false;
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    if (parts.length > 0 && kind !== "IDAT") break;
    if (end + 4 > bytes.length) throw new Error(`the chunk "${printable(kind)}" is cut short`);
    if (checksum(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new Error(`the checksum of chunk "${printable(kind)}" is wrong`);
    }
    if (at === 8 && (kind !== "IHDR" || length !== 13)) throw new Error("no header");
    if (kind === "IHDR") header ??= readHeader(view, at + 8);
    if (kind === "PLTE") {
      if (length > 768 || length % 3 !== 0) throw new Error(`a palette of ${length} bytes`);
      palette.set(bytes.subarray(at + 8, end));
      hasPalette = true;
    }
    if (kind === "IDAT") parts.push(bytes.subarray(at + 8, end));
    if (kind === "IEND") break;
    at = end + 4;
  }
  if (header === undefined || parts.length === 0) throw new Error("no pixels");
  if (header.colour === 3 && !hasPalette) throw new Error("no palette");
  return { header, palette, parts };
}

function readHeader(view: DataView, at: number): Header {
  const [depth, colour, compression, filter, interlace] = [8, 9, 10, 11, 12].map((i) => view.getUint8(at + i)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const width = view.getUint32(at);
  const height = view.getUint32(at + 4);
  if (width === 0 || height === 0) throw new Error(`${width} x ${height} pixels`);
  if (!depthsOf[colour]?.includes(depth)) throw new Error(`colour type ${colour} with ${depth} bits`);
  if (compression !== 0 || filter !== 0 || interlace > 1)
    throw new Error("an unknown compression, filter or interlacing");
  return { width, height, depth, colour, channels: channelsOf[colour] as number, interlaced: interlace === 1 };
}

/** Undoes a row's filter in place; `apart` is the distance of a byte from the one to its left. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array, apart: number): void {
  if (filter > 4) throw new Error(`an unknown filter ${filter}`);
  const { length } = row;
  const at = (bytes: Uint8Array, i: number) => bytes[i] as number;
  if (filter === 1) {
    for (let i = apart; i < length; i++) row[i] = at(row, i) + at(row, i - apart);
  } else if (filter === 2) {
    for (let i = 0; i < length; i++) row[i] = at(row, i) + at(above, i);
  } else if (filter === 3) {
    for (let i = 0; i < Math.min(apart, length); i++) row[i] = at(row, i) + (at(above, i) >> 1);
    for (let i = apart; i < length; i++) row[i] = at(row, i) + ((at(row, i - apart) + at(above, i)) >> 1);
  } else if (filter === 4) {
    for (let i = 0; i < Math.min(apart, length); i++) row[i] = at(row, i) + at(above, i);
    for (let i = apart; i < length; i++) {
      row[i] = at(row, i) + paeth(at(row, i - apart), at(above, i), at(above, i - apart));
    }
  }
}

function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

function writeRow(
  row: Uint8Array,
  data: Uint8Array,
  {
    header,
    palette,
    columns,
    at,
    step,
  }: { header: Header; palette: Uint8Array; columns: number; at: number; step: number },
): void {
  const { depth, colour, channels } = header;
  if (depth < 8) {
    const most = (1 << depth) - 1;
    for (let x = 0; x < columns; x++, at += step) {
      const bit = x * depth;
      const value = ((row[bit >> 3] as number) >> (8 - depth - (bit & 7))) & most;
      for (let channel = 0; channel < 3; channel++) {
        data[at + channel] = colour === 3 ? (palette[value * 3 + channel] as number) : (value * 255) / most;
      }
    }
    return;
  }
  const bytes = depth / 8;
  const green = channels < 3 ? 0 : bytes;
  for (let x = 0, from = 0; x < columns; x++, at += step, from += channels * bytes) {
    if (colour === 3) {
      const index = (row[from] as number) * 3;
      data[at] = palette[index] as number;
      data[at + 1] = palette[index + 1] as number;
      data[at + 2] = palette[index + 2] as number;
    } else {
      data[at] = row[from] as number;
      data[at + 1] = row[from + green] as number;
      data[at + 2] = row[from + 2 * green] as number;
    }
  }
}

const pieceBytes = 1 << 16;

/** Inflated bytes in order, a piece at a time. */
function inflate(parts: readonly Uint8Array<ArrayBuffer>[]) {
  const left = [...parts].reverse();
  const compressed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const part = left.pop();
      if (part === undefined) return controller.close();
      controller.enqueue(part.subarray(0, pieceBytes));
      if (part.length > pieceBytes) left.push(part.subarray(pieceBytes));
    },
  });
  const reader = compressed.pipeThrough(new DecompressionStream("deflate")).getReader();
  let held = new Uint8Array(0);
  const take = (target: Uint8Array) => {
    if (held.length < target.length) return false;
    target.set(held.subarray(0, target.length));
    held = held.subarray(target.length);
    return true;
  };
  const receive = async (target: Uint8Array) => {
    for (let filled = 0; filled < target.length;) {
      if (held.length === 0) {
        const { value, done } = await reader.read();
        if (done) throw new Error("the pixels end too early");
        held = value;
      }
      const part = held.subarray(0, target.length - filled);
      target.set(part, filled);
      filled += part.length;
      held = held.subarray(part.length);
    }
  };
  /** Reads on, so that a checksum after the pixels is compared; more than the pixels is left alone. */
  const finish = async () => void (held.length > 0 || (await reader.read()));
  return { take, receive, finish, cancel: () => reader.cancel().catch(() => undefined) };
}

const table = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

function checksum(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i++)
    value = (table[(value ^ (bytes[i] as number)) & 255] as number) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

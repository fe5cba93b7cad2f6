import type { RgbImage } from "../image.js";
import { checkPixels } from "./kinds.js";

/**
 * The first picture of a GIF as Pillow opens it: transparent pixels keep their palette colour, and what the picture leaves
 * uncovered takes the transparent colour, or the first one. Later pictures are not read. Work and memory are bounded by the
 * file and `maxPixels`. Source: the GIF89a specification and Pillow 13 `GifImagePlugin.py`.
 */
export function decodeGif(bytes: Uint8Array, { maxPixels }: { maxPixels: number }): RgbImage {
  const frame = findFrame(bytes);
  const { left, top, width, height, interlaced, palette, transparent } = frame;
  const canvas = {
    width: Math.max(frame.screenWidth, left + width),
    height: Math.max(frame.screenHeight, top + height),
  };
  checkPixels(canvas.width, canvas.height, maxPixels);
  if (width === 0 || height === 0) throw new Error("the first picture has no pixels");
  const indices = unpackIndices(bytes, frame.data, width * height);
  const data = new Uint8Array(canvas.width * canvas.height * 3);
  if (width < canvas.width || height < canvas.height) {
    const [red, green, blue] = palette.subarray((transparent ?? 0) * 3) as unknown as [number, number, number];
    for (let i = 0; i < data.length; i += 3) {
      data[i] = red;
      data[i + 1] = green;
      data[i + 2] = blue;
    }
  }
  for (const [row, y] of rowOrder(height, interlaced).entries()) {
    let at = ((top + y) * canvas.width + left) * 3;
    for (let x = 0; x < width; x++) {
      const from = (indices[row * width + x] as number) * 3;
      data[at++] = palette[from] as number;
      data[at++] = palette[from + 1] as number;
      data[at++] = palette[from + 2] as number;
    }
  }
  return { data, ...canvas };
}

/** Where the first picture stands and which colours it has. */
function findFrame(bytes: Uint8Array) {
  const u8 = (at: number) => {
    if (at >= bytes.length) throw new Error("cut short before the first picture");
    return bytes[at] as number;
  };
  const u16 = (at: number) => u8(at) | (u8(at + 1) << 8);
  const screenWidth = u16(6);
  const screenHeight = u16(8);
  let at = 13;
  // As in Pillow: without a palette all is grey, and a colour that a palette lacks is black.
  let palette: Uint8Array = Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3));
  const readPalette = (flags: number) => {
    if ((flags & 0x80) === 0) return;
    const length = 3 << ((flags & 7) + 1);
    u8(at + length - 1);
    palette = new Uint8Array(256 * 3);
    palette.set(bytes.subarray(at, at + length));
    at += length;
  };
  readPalette(u8(10));
  let transparent: number | undefined;
  for (;;) {
    const kind = u8(at++);
    if (kind === 0x21) {
      const label = u8(at++);
      if (label === 0xf9 && u8(at) >= 4) transparent = (u8(at + 1) & 1) === 1 ? u8(at + 4) : undefined;
      while (u8(at) !== 0) at += u8(at) + 1;
      at++;
    } else if (kind === 0x2c) {
      const place = { left: u16(at), top: u16(at + 2), width: u16(at + 4), height: u16(at + 6) };
      const flags = u8(at + 8);
      at += 9;
      readPalette(flags);
      return { screenWidth, screenHeight, ...place, interlaced: (flags & 0x40) !== 0, palette, transparent, data: at };
    } else if (kind === 0x3b) {
      throw new Error("the file ends without a picture");
    } else if (kind !== 0) {
      throw new Error(`an unknown block 0x${kind.toString(16)} at byte ${at - 1}`);
    }
  }
}

/** Variable-length LZW codes, lowest bit first, in blocks of at most 255 bytes. */
function unpackIndices(bytes: Uint8Array, begin: number, count: number): Uint8Array {
  const bits = bytes[begin] ?? 0;
  if (bits < 1 || bits > 8) throw new Error(`codes of ${bits} bits, expected 1 to 8`);
  const clear = 1 << bits;
  const prefix = new Uint16Array(4096);
  const suffix = new Uint8Array(4096);
  const lengths = new Uint16Array(4096);
  for (let i = 0; i < clear; i++) {
    suffix[i] = i;
    lengths[i] = 1;
  }
  // A code has two bits or more and stands for at most 4096 pixels: what the file cannot hold is not allocated.
  if (count > (bytes.length - begin) * 4 * 4096) throw new Error(`${bytes.length - begin} bytes for ${count} pixels`);
  const out = new Uint8Array(count);
  let written = 0;
  let size = bits + 1;
  let next = clear + 2;
  let last = -1;
  let held = 0;
  let filled = 0;
  let at = begin + 1;
  let left = 0;
  const first = (code: number) => {
    while ((lengths[code] as number) > 1) code = prefix[code] as number;
    return suffix[code] as number;
  };
  while (written < count) {
    while (filled < size) {
      if (left === 0) left = bytes[at++] ?? 0;
      if (left === 0 || at >= bytes.length) throw new Error(`cut short: ${written} of ${count} pixels`);
      held |= (bytes[at++] as number) << filled;
      filled += 8;
      left--;
    }
    const code = held & ((1 << size) - 1);
    held >>= size;
    filled -= size;
    if (code === clear) {
      size = bits + 1;
      next = clear + 2;
      last = -1;
      continue;
    }
    if (code === clear + 1) throw new Error(`cut short: ${written} of ${count} pixels`);
    if (last < 0 ? code >= clear : code > next || (code === next && next === 4096))
      throw new Error(`a code ${code} that nothing defines`);
    if (last >= 0 && next < 4096) {
      prefix[next] = last;
      suffix[next] = first(code === next ? last : code);
      lengths[next] = (lengths[last] as number) + 1;
      next++;
      if (next === 1 << size && size < 12) size++;
    }
    const length = lengths[code] as number;
    for (let walk = code, to = written + length - 1; to >= written; to--) {
      if (to < count) out[to] = suffix[walk] as number;
      walk = prefix[walk] as number;
    }
    written += length;
    last = code;
  }
  return out;
}

function rowOrder(height: number, interlaced: boolean): number[] {
  const order: number[] = [];
  const passes = interlaced
    ? [
        [0, 8],
        [4, 8],
        [2, 4],
        [1, 2],
      ]
    : [[0, 1]];
  for (const [start, step] of passes as [number, number][]) {
    for (let y = start; y < height; y += step) order.push(y);
  }
  return order;
}

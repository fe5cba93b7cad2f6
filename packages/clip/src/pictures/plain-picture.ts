import { printable } from "../weights/printable.js";

/** A picture as its bare pixels: its size as the file says, and a file without what makes a browser turn, tint or blend them. */
export interface PlainPicture {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
  /** Whether alpha may be left, woven into the pixels. */
  readonly hasAlpha?: boolean;
}

// A progressive JPEG is decoded once per scan: the same limit as libvips has.
const maxScans = 100;

/** A JPEG without EXIF, colour profiles and comments (APP0 and Adobe's APP14 stay). Throws for more scans than 100. */
export function plainJpeg(bytes: Uint8Array): PlainPicture {
  const kept: Uint8Array[] = [bytes.subarray(0, 2)];
  let size: { width: number; height: number } | undefined;
  for (let at = 2; ;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    const marker = bytes[at + 1];
    if (at + 4 > bytes.length || bytes[at] !== 0xff || marker === undefined) throw new Error("no pixels");
    const end = at + 2 + u16(bytes, at + 2);
    if (end > bytes.length) throw new Error("a segment is cut short");
    // SOF0 to SOF15, but for the tables DHT, JPG and DAC that stand between them.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      size ??= { height: u16(bytes, at + 5), width: u16(bytes, at + 7) };
    }
    const isExtra = (marker >= 0xe1 && marker <= 0xef && marker !== 0xee) || marker === 0xfe;
    if (!isExtra) kept.push(bytes.subarray(at, end));
    at = end;
    if (marker === 0xda) {
      kept.push(bytes.subarray(at));
      checkScans(bytes, at);
      break;
    }
  }
  if (size === undefined) throw new Error("the pixels come before their size");
  return { ...size, bytes: concatenate(kept) };
}

function checkScans(bytes: Uint8Array, begin: number): void {
  let scans = 1;
  for (let at = bytes.indexOf(0xff, begin); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xd9) return;
    if (bytes[at + 1] === 0xda && ++scans > maxScans) throw new Error(`more than ${maxScans} scans`);
  }
  throw new Error("the pixels end too early");
}

/** A WebP's first picture, without EXIF, profile and the alpha that is kept apart. An animation that
 * begins with a part of its canvas stays as it is. */
export function plainWebp(bytes: Uint8Array): PlainPicture {
  let canvas: { width: number; height: number } | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const kind = String.fromCharCode(...bytes.subarray(at, at + 4));
    const length = u32(bytes, at + 4);
    const begin = at + 8;
    const end = begin + length + (length % 2);
    if (begin + length > bytes.length) throw new Error(`the chunk "${printable(kind)}" is cut short`);
    if (kind === "VP8X" && length >= 10)
      canvas = { width: 1 + u24(bytes, begin + 4), height: 1 + u24(bytes, begin + 7) };
    if (kind === "ANMF" && length >= 16 && canvas !== undefined) {
      const part = { width: 1 + u24(bytes, begin + 6), height: 1 + u24(bytes, begin + 9) };
      if (part.width !== canvas.width || part.height !== canvas.height) return { ...canvas, bytes, hasAlpha: true };
      at = begin + 16; // the chunks of the first picture
      continue;
    }
    if (kind === "VP8 " && length >= 10) {
      const size = { width: u16le(bytes, begin + 6) & 0x3fff, height: u16le(bytes, begin + 8) & 0x3fff };
      return { ...size, bytes: riff(bytes.slice(at, end)) };
    }
    if (kind === "VP8L" && length >= 5) {
      const size = {
        width: 1 + (u16le(bytes, begin + 1) & 0x3fff),
        height: 1 + ((u24(bytes, begin + 2) >> 6) & 0x3fff),
      };
      const hasAlpha = ((bytes[begin + 4] as number) & 0x10) !== 0;
      return { ...size, bytes: riff(bytes.slice(at, end)), hasAlpha };
    }
    at = end;
  }
  throw new Error("no pixels");
}

function riff(picture: Uint8Array): Uint8Array {
  const head = new Uint8Array(12);
  new TextEncoder().encodeInto("RIFF....WEBP", head);
  new DataView(head.buffer).setUint32(4, 4 + picture.length, true);
  return concatenate([head, picture]);
}

/** An AVIF's size: the largest that any of its parts states. Its alpha is disowned. */
export function plainAvif(bytes: Uint8Array): PlainPicture {
  const sizes: { width: number; height: number }[] = [];
  walkBoxes(bytes, 0, bytes.length, sizes);
  if (sizes.length === 0) throw new Error("no size");
  const width = Math.max(...sizes.map((size) => size.width));
  return { width, height: Math.max(...sizes.map((size) => size.height)), bytes: disownAlpha(bytes) };
}

/** An alpha picture is one of the kind "...:alpha"; of a kind that nobody knows it is not used. */
function disownAlpha(bytes: Uint8Array): Uint8Array {
  const kind = new TextEncoder().encode("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0");
  const copy = bytes.slice();
  for (let at = copy.indexOf(0x75); at >= 0; at = copy.indexOf(0x75, at + 1)) {
    if (kind.every((byte, i) => copy[at + i] === byte)) copy[at + kind.length - 2] = 0x62;
  }
  return copy;
}

// Boxes that hold boxes on the way to the sizes, and how many bytes stand before those.
const holders: Record<string, number> = { meta: 4, iprp: 0, ipco: 0 };

function walkBoxes(bytes: Uint8Array, begin: number, end: number, sizes: { width: number; height: number }[]): void {
  for (let at = begin; at + 8 <= end;) {
    const length = u32be(bytes, at) || end - at;
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (length < 8 || at + length > end) throw new Error(`the box "${printable(kind)}" is cut short`);
    const skip = holders[kind];
    if (skip !== undefined) walkBoxes(bytes, at + 8 + skip, at + length, sizes);
    if (kind === "ispe" && length >= 20) sizes.push({ width: u32be(bytes, at + 12), height: u32be(bytes, at + 16) });
    at += length;
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const u16 = (bytes: Uint8Array, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const u24 = (bytes: Uint8Array, at: number) =>
  (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
const u16le = (bytes: Uint8Array, at: number) => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
const u32 = (bytes: Uint8Array, at: number) => (u24(bytes, at) | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
const u32be = (bytes: Uint8Array, at: number) => ((u16(bytes, at) << 16) | u16(bytes, at + 2)) >>> 0;

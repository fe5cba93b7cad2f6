import { constants, deflateRawSync, deflateSync } from "node:zlib";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import type { RgbImage } from "../image.js";
import { ImageError } from "../pictures/image-error.js";
import { readImage } from "./read-image.js";

// Small files that ask for much: each is refused with a reason, or read, without memory beyond its own pixels.
// This file has a process of its own, so that the peak of that process says what reading took.

const ascii = (text: string) => Buffer.from(text, "latin1");
const u16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const le16 = (value: number) => u16(value).reverse();
const le32 = (value: number) => u32(value).reverse();

function chunk(kind: string, ...parts: Uint8Array[]): Buffer {
  const data = Buffer.concat(parts);
  const body = Buffer.concat([ascii(kind), data]);
  return Buffer.concat([u32(data.length), body, u32(crc(body))]);
}
function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return (value ^ 0xffffffff) >>> 0;
}
const signature = ascii("\x89PNG\r\n\x1a\n");
const header = (width: number, height: number, { depth = 8, colour = 2, interlaced = 0 } = {}) =>
  chunk("IHDR", u32(width), u32(height), Buffer.from([depth, colour, 0, 0, interlaced]));
const pixels = chunk("IDAT", deflateSync(Buffer.alloc(4 * (1 + 4 * 3))));
const png = (...chunks: Uint8Array[]) => Buffer.concat([signature, ...chunks, chunk("IEND")]);

const parts = (kind: string, count: number) => Array.from({ length: count }, (_, i) => chunk(kind, ascii(`a${i}\0b`)));

/** A zlib stream of that many megabytes of zeros, made without them. */
function zeros(megabytes: number): Buffer {
  const block = deflateRawSync(Buffer.alloc(1 << 20), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  const sum = (megabytes * (1 << 20)) % 65521;
  const end = Buffer.from([3, 0]);
  return Buffer.concat([
    Buffer.from([0x78, 0x9c]),
    ...Array.from({ length: megabytes }, () => block),
    end,
    u16(sum),
    u16(1),
  ]);
}

function gif(width: number, height: number, frames: number): Buffer {
  const frame = Buffer.concat([ascii(","), le16(0), le16(0), le16(1), le16(1), Buffer.from([0, 2, 2, 0x44, 0x01, 0])]);
  const head = Buffer.concat([ascii("GIF89a"), le16(width), le16(height), Buffer.from([0x80, 0, 0, 9, 8, 7, 6, 5, 4])]);
  return Buffer.concat([head, ...Array.from({ length: frames }, () => frame), ascii(";")]);
}

/** A little-endian TIFF of one directory. */
function tiff(tags: [tag: number, type: number, count: number, value: number][], { next = 0 } = {}): Buffer {
  const entries = tags.map(([tag, type, count, value]) =>
    Buffer.concat([le16(tag), le16(type), le32(count), le32(value)]),
  );
  return Buffer.concat([ascii("II*\0"), le32(8), le16(tags.length), ...entries, le32(next), Buffer.alloc(64)]);
}
function tiffTags({
  width = 4,
  height = 4,
  offset = 100,
  bytes = 16,
  channels = 1,
}): [number, number, number, number][] {
  return [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, 1, 8],
    [259, 3, 1, 1],
    [262, 3, 1, 1],
    [273, 4, 1, offset],
    [277, 3, 1, channels],
    [278, 4, 1, height],
    [279, 4, 1, bytes],
  ];
}

/** A progressive JPEG whose last scan is repeated. */
async function manyScans(scans: number, side: number): Promise<Buffer> {
  const raw = { create: { width: side, height: side, channels: 3 as const, background: "#345" } };
  const jpeg = await sharp(raw).jpeg({ progressive: true, mozjpeg: false }).toBuffer();
  const last = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = jpeg.subarray(last, -2);
  return Buffer.concat([jpeg.subarray(0, -2), ...Array.from({ length: scans }, () => scan), jpeg.subarray(-2)]);
}

const webp = (width: number, height: number) => {
  const bits = BigInt(width - 1) | (BigInt(height - 1) << 14n);
  const data = Buffer.concat([Buffer.from([0x2f]), le32(Number(bits)), Buffer.alloc(11)]);
  return Buffer.concat([ascii("RIFF"), le32(12 + data.length), ascii("WEBPVP8L"), le32(data.length), data]);
};

const tooMany = /^the picture has more than 178956970 pixels; raise maxPixels if it is to be trusted$/;
const damaged = /^the file is damaged or cut short \(.+\)$/;
const bombs: [name: string, make: () => Buffer | Promise<Buffer>, reason: RegExp | "read"][] = [
  ["a PNG of 2^31 - 1 pixels squared", () => png(header(0x7fffffff, 0x7fffffff), pixels), damaged],
  ["a PNG of 30000 squared", () => png(header(30000, 30000), pixels), tooMany],
  ["a PNG of 13000 squared and no data", () => png(header(13000, 13000)), damaged],
  [
    "a PNG of 13000 squared, interlaced, 64 bits a pixel, and no data",
    () => png(header(13000, 13000, { depth: 16, colour: 6, interlaced: 1 }), pixels),
    damaged,
  ],
  [
    "a PNG with a profile of 400 MB",
    () => png(header(4, 4), chunk("iCCP", ascii("p\0\0"), zeros(400)), pixels),
    "read",
  ],
  ["a PNG with a text of 400 MB", () => png(header(4, 4), chunk("zTXt", ascii("p\0\0"), zeros(400)), pixels), "read"],
  ["a PNG with 400 MB after its pixels", () => png(header(4, 4), chunk("IDAT", zeros(400))), "read"],
  ["a PNG of 20000 texts", () => png(header(4, 4), ...parts("tEXt", 20000), pixels), "read"],
  ["an APNG of 20000 pictures", () => png(header(4, 4), pixels, ...parts("fdAT", 20000)), "read"],
  ["a GIF of 65535 squared", () => gif(65535, 65535, 1), tooMany],
  ["a GIF of 13000 squared and one pixel", () => gif(13000, 13000, 0), damaged],
  ["a GIF of 50000 pictures", () => gif(3, 3, 50000), "read"],
  ["a TIFF of 65535 squared", () => tiff(tiffTags({ width: 65535, height: 65535 })), tooMany],
  [
    "a TIFF of 13000 squared and no data",
    () => tiff(tiffTags({ width: 13000, height: 13000, bytes: 13000 ** 2 })),
    damaged,
  ],
  ["a TIFF whose pixels lie outside the file", () => tiff(tiffTags({ offset: 0x7fffffff })), damaged],
  ["a TIFF whose pixels are said to be 4 GB", () => tiff(tiffTags({ bytes: 0xfffffff0 })), damaged],
  ["a TIFF with a list of 2^32 - 1 values", () => tiff([...tiffTags({}), [330, 4, 0xffffffff, 8]]), damaged],
  ["a TIFF whose next directory is its first", () => tiff(tiffTags({}), { next: 8 }), damaged],
  ["a TIFF of 200 channels", () => tiff(tiffTags({ channels: 200, bytes: 3200 })), /200|channels|damaged/],
  ["a WebP of 16384 squared", () => webp(16384, 16384), damaged],
  ["a WebP of 13000 squared and no data", () => webp(13000, 13000), damaged],
  ["a JPEG of 5000 scans", () => manyScans(5000, 64), damaged],
];

describe("bombs", () => {
  const peak = () => process.resourceUsage().maxRSS / 1024;
  beforeAll(async () => void (await readImage(await manyScans(0, 32))));

  it.each(bombs)("%s", async (_name, make, reason) => {
    const bytes = await make();
    const before = peak();
    const outcome = await readImage(bytes).catch((error: unknown) => error);
    expect(peak() - before).toBeLessThan(64);
    if (reason === "read") {
      expect((outcome as RgbImage).data.length).toBeLessThan(100);
    } else {
      expect(outcome).toBeInstanceOf(ImageError);
      expect((outcome as ImageError).reason).toMatch(reason);
      expect((outcome as ImageError).reason.length).toBeLessThan(400);
    }
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { plainAvif, plainJpeg, plainWebp } from "./plain-picture.js";

const folders = ["preprocess/files", "preprocess-more"].map((name) =>
  join(import.meta.dirname, "../../fixtures", name),
);
const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
const decode = (bytes: Uint8Array) =>
  sharp(bytes, { ignoreIcc: true }).removeAlpha().raw().toBuffer({ resolveWithObject: true });

describe("a picture as its bare pixels", () => {
  const encoded = files
    .filter((path) => /\.(jpg|webp|avif)$/.test(path))
    .map((path) => [basename(path), path] as const);
  it.each(encoded)("%s keeps its size and pixels", async (_name, path) => {
    const bytes = readFileSync(path);
    const strip = path.endsWith(".jpg") ? plainJpeg : path.endsWith(".webp") ? plainWebp : plainAvif;
    const plain = strip(bytes);
    const { data, info } = await decode(bytes);
    const stripped = await decode(plain.bytes);
    expect({ width: plain.width, height: plain.height }).toEqual({ width: info.width, height: info.height });
    expect(stripped.data.equals(data)).toBe(true);
    const { exif, icc, orientation } = await sharp(plain.bytes).metadata();
    expect({ exif, icc, orientation }).toEqual({ exif: undefined, icc: undefined, orientation: undefined });
  });

  it("counts the scans of a progressive JPEG", () => {
    const jpeg = readFileSync(join(folders[0] as string, "progressive.jpg"));
    const last = jpeg.subarray(jpeg.lastIndexOf(Buffer.from([0xff, 0xda])), -2);
    const scans = Array.from({ length: 200 }, () => last);
    expect(() => plainJpeg(Buffer.concat([jpeg.subarray(0, -2), ...scans, jpeg.subarray(-2)]))).toThrow(
      "more than 100 scans",
    );
  });

  it.each([
    ["JPEG", plainJpeg, "\xff\xd8\xff"],
    ["JPEG segment", plainJpeg, "\xff\xd8\xff\xe0\xff\xff"],
    ["JPEG of a segment without length", plainJpeg, "\xff\xd8\xff\xe0\0\0\xff\xe0\0\0"],
    ["WebP", plainWebp, "RIFF\0\0\0\0WEBP"],
    ["WebP chunk", plainWebp, "RIFF\0\0\0\0WEBPVP8 \xff\xff\xff\xff"],
    ["AVIF", plainAvif, "\0\0\0\x0cftypavif"],
    ["AVIF box", plainAvif, "\0\0\0\x0cftypavif\xff\xff\xff\xffmeta"],
    ["AVIF box of no length", plainAvif, "\0\0\0\x0cftypavif\0\0\0\x01meta"],
  ])("refuses the beginning of a %s", (_name, strip, text) => {
    expect(() => strip(Buffer.from(text, "latin1"))).toThrow(/cut short|no pixels|no size|too early/);
  });
});

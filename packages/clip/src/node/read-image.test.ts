import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { applyAugmentation } from "../augment.js";
import { centerCrop, cropFor, preprocess, resizeShortSide } from "../resize.js";
import { readSafetensors } from "../weights/safetensors.js";
import { ImageError } from "../pictures/image-error.js";
import { readImage } from "./read-image.js";

interface Good {
  file: string;
  width: number;
  height: number;
  decoded_sha256: string;
  expected: Record<string, { resized: [number, number]; left: number; top: number; sha256: string }>;
}
interface Train {
  file: string;
  top: number;
  left: number;
  height: number;
  width: number;
  flip: boolean;
  size: number;
  sha256: string;
}
const folder = new URL("../../fixtures/preprocess/", import.meta.url);
const at = (name: string) => new URL(name, folder).pathname;
const expected = JSON.parse(readFileSync(at("preprocess.json"), "utf8")) as {
  mean: number[];
  std: number[];
  test: Good[];
  train: Train[];
  bad: { file: string; opens: boolean }[];
};
const moreFolder = new URL("../../fixtures/preprocess-more/", import.meta.url);
const more = JSON.parse(readFileSync(new URL("expected.json", moreFolder), "utf8")) as {
  pictures: {
    file: string;
    mode: string;
    width: number;
    height: number;
    decoded_sha256: string;
    scaled_sha256?: string;
  }[];
};
const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

// Bytes of Pillow 13.0.0, exact.
describe("pictures", () => {
  it.each(expected.test)("$file is decoded, resized and cropped to Pillow's bytes", async (good) => {
    const image = await readImage(at(`files/${good.file}`));
    expect([image.width, image.height]).toEqual([good.width, good.height]);
    expect(sha256(image.data)).toBe(good.decoded_sha256);
    for (const [text, { resized, left, top, sha256: digest }] of Object.entries(good.expected)) {
      const size = Number(text);
      expect(cropFor(image.width, image.height, size)).toMatchObject({
        left,
        top,
        resizedWidth: resized[0],
        resizedHeight: resized[1],
      });
      expect(sha256(preprocess(image, size))).toBe(digest);
      expect(sha256(centerCrop(resizeShortSide(image, size), size).data)).toBe(digest);
    }
  });

  it.each(more.pictures)(
    "$file ($mode) is decoded to Pillow's bytes",
    async ({ file, mode, width, height, ...row }) => {
      const { data, ...size } = await readImage(new URL(file, moreFolder).pathname);
      expect(size).toEqual({ width, height });
      if (mode.startsWith("I;16")) {
        // Pillow cuts 16-bit grey off at 255, which leaves white; here it is scaled.
        expect(sha256(data)).not.toBe(row.decoded_sha256);
        expect(sha256(data)).toBe(row.scaled_sha256);
      } else if (file.endsWith(".avif")) {
        expect(sha256(data)).not.toBe(row.decoded_sha256); // another decoder: docs/guide/pictures.md says how far
      } else {
        expect(sha256(data)).toBe(row.decoded_sha256);
      }
    },
  );

  it("equals Pillow's bytes on every given crop of the training transform", async () => {
    for (const { file, size, sha256: digest, ...augmentation } of expected.train) {
      const pixels = applyAugmentation(await readImage(at(`files/${file}`)), augmentation, size);
      expect(sha256(pixels), JSON.stringify({ file, size, ...augmentation })).toBe(digest);
    }
    expect(expected.train.length).toBeGreaterThan(50);
  });

  it("gives torchvision's normalised values within 1e-6", async () => {
    const pixels = preprocess(await readImage(at("files/landscape.jpg")), 64);
    const { data } = readSafetensors(await readFile(at("normalised.safetensors"))).tensors.get("landscape_64") as {
      data: Float32Array;
    };
    let worst = 0;
    for (let channel = 0; channel < 3; channel++) {
      for (let i = 0; i < 64 * 64; i++) {
        const value = ((pixels[i * 3 + channel] as number) / 255 - expected.mean[channel]!) / expected.std[channel]!;
        worst = Math.max(worst, Math.abs(value - data[channel * 64 * 64 + i]!));
      }
    }
    expect(worst).toBeLessThanOrEqual(1e-6);
  });
});

describe("bad pictures", () => {
  // Of the files Pillow opens, one is damaged inside and refused here; the other is large but whole.
  const refused = expected.bad.filter(({ file, opens }) => !opens || file === "garbage_in_the_middle.jpg");
  it.each(refused)("$file is refused with its path and a reason in one line", async ({ file }) => {
    const path = at(`bad/${file}`);
    const error = await readImage(path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ImageError);
    expect((error as ImageError).path).toBe(path);
    expect((error as ImageError).message).toBe(`${path}: ${(error as ImageError).reason}`);
    expect((error as ImageError).reason).toMatch(
      /^(the file is empty|not a picture; .*|the file is damaged or cut short .*|the picture has more than 178956970 pixels; .*)$/,
    );
  });

  it("says which limit a decompression bomb exceeds", async () => {
    await expect(readImage(at("bad/bomb_30000x30000.png"))).rejects.toThrow(/more than 178956970 pixels/);
    await expect(readImage(at("bad/large_11000x11000.png"), { maxPixels: 50_000_000 })).rejects.toThrow(
      /more than 50000000 pixels/,
    );
  });

  it("reads a large but whole picture, as Pillow does", async () => {
    const { width, height, data } = await readImage(at("bad/large_11000x11000.png"));
    expect([width, height, data.length]).toEqual([11_000, 11_000, 363_000_000]);
  });

  it("names a missing file, a folder and an unsupported format", async () => {
    await expect(readImage("/nowhere/cat.jpg")).rejects.toThrow("/nowhere/cat.jpg: there is no such file");
    await expect(readImage(at("files"))).rejects.toThrow(/this is a folder/);
    await expect(readImage("/dev/zero")).rejects.toThrow(
      "/dev/zero: this is a pipe or a device, expected a picture file",
    );
  });

  it.each([
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'],
    ["SVG after a declaration", '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ["PDF", "%PDF-1.7\n"],
    ["PostScript", "%!PS-Adobe-3.0 EPSF-3.0\n"],
    ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic"],
    ["BMP", "BM\x46\0\0\0\0\0\0\0\x36\0\0\0"],
    ["PPM", "P6 1 1 255\nabc"],
    ["JPEG XL", "\xff\x0a\xfa\x7f\x01\x90"],
    ["JPEG 2000", "\0\0\0\x0cjP  \r\n\x87\n"],
    ["a program", "\x7fELF\x02\x01\x01"],
    ["a pickle", "\x80\x02}q\0."],
  ])("refuses %s by its first bytes, before any decoder sees it", async (_kind, text) => {
    const message = "bytes: not a picture; expected JPEG, PNG, GIF, WebP, TIFF, AVIF";
    await expect(readImage(Buffer.from(text, "latin1"))).rejects.toThrow(message);
  });

  it.each([0, -1, 2.5, Number.POSITIVE_INFINITY])("takes no maxPixels of %s", async (maxPixels) => {
    await expect(readImage(at("files/gray.png"), { maxPixels })).rejects.toThrow(RangeError);
  });
});

describe("what a file says about itself", () => {
  const raw = Buffer.from(Array.from({ length: 8 * 4 * 3 }, (_, i) => (i * 37) % 256));
  const made = () => sharp(raw, { raw: { width: 8, height: 4, channels: 3 } });

  it("ignores a colour profile", async () => {
    const png = await made().withIccProfile("p3").png().toBuffer();
    const start = png.indexOf("iCCP") - 4;
    const without = Buffer.concat([png.subarray(0, start), png.subarray(start + 12 + png.readUInt32BE(start))]);
    expect(start).toBeGreaterThan(0);
    expect((await readImage(png)).data).toEqual((await readImage(without)).data);
  });

  it("scales 16-bit grey to 8 bits", async () => {
    const grey = new Uint16Array([0, 0x1234, 0x80ff, 0xffff]);
    const png = await sharp(grey, { raw: { width: 4, height: 1, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    const { data } = await readImage(png);
    expect([...data].filter((_, i) => i % 3 === 0)).toEqual([0, 0x12, 0x80, 0xff]);
  });

  it("reads WebP and TIFF", async () => {
    expect(Buffer.from((await readImage(await made().webp({ lossless: true }).toBuffer())).data)).toEqual(raw);
    expect(Buffer.from((await readImage(await made().tiff({ compression: "lzw" }).toBuffer())).data)).toEqual(raw);
  });
});

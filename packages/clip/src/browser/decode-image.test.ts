import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readImage } from "../node/read-image.js";
import { ImageError } from "../pictures/image-error.js";
import { createRandom } from "../random.js";
import { decodeImage } from "./decode-image.js";

// What a browser itself decodes is measured in one by tools/browser-decode; the rest is the same code in Node.

const folders = ["preprocess/files", "preprocess-more"].map((name) =>
  join(import.meta.dirname, "../../fixtures", name),
);
const pillow = [
  ["preprocess/preprocess.json", "test"],
  ["preprocess-more/expected.json", "pictures"],
].flatMap(([file, key], folder) => {
  const text = readFileSync(join(import.meta.dirname, "../../fixtures", file as string), "utf8");
  const rows = (JSON.parse(text) as Record<string, { file: string }[]>)[key as string]!;
  return rows.map(({ file: name }) => join(folders[folder] as string, name));
});
const fileAt = (path: string) => Object.assign(new Blob([readFileSync(path)]), { name: path });
const bad = (name: string) => join(import.meta.dirname, "../../fixtures/preprocess/bad", name);

afterEach(() => void vi.unstubAllGlobals());

describe("decodeImage", () => {
  const own = pillow.filter((path) => /\.(png|gif)$/.test(path));
  it.each(own.map((path) => [basename(path), path]))("%s is what readImage gives", async (_name, path) => {
    const { data, width, height } = await decodeImage(fileAt(path));
    const image = await readImage(path);
    expect([width, height]).toEqual([image.width, image.height]);
    expect(Buffer.compare(data, image.data)).toBe(0);
  });

  it.each([
    ["truncated.png", /^the file is damaged or cut short \(the chunk "IDAT" is cut short\)$/],
    ["broken_crc.png", /checksum of chunk "\w+" is wrong/],
    ["lying_size.png", /more than 178956970 pixels/],
    ["bomb_30000x30000.png", /more than 178956970 pixels/],
    ["zero_bytes.jpg", /^the file is empty$/],
    ["text.jpg", /^not a picture; expected JPEG, PNG/],
    ["header_only.jpg", /damaged or cut short/],
    ["truncated.jpg", /the pixels end too early/],
  ])("refuses %s before the browser decodes it", async (name, reason) => {
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("the browser was asked to decode")));
    const error = await decodeImage(fileAt(bad(name))).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ImageError);
    expect((error as ImageError).path).toBe(bad(name));
    expect((error as ImageError).reason).toMatch(reason);
  });

  it("decodes no picture of more than maxPixels", async () => {
    const large = fileAt(bad("large_11000x11000.png"));
    await expect(decodeImage(large, { maxPixels: 50_000_000 })).rejects.toThrow(/more than 50000000 pixels; raise/);
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("the browser was asked to decode")));
    for (const name of ["landscape.jpg", "palette.gif", "rgba.png"]) {
      const file = fileAt(join(folders[0] as string, name));
      await expect(decodeImage(file, { maxPixels: 1000 })).rejects.toThrow(/more than 1000 pixels; raise maxPixels/);
    }
    for (const name of ["lossy.webp", "lossless.webp", "animated.webp", "sampling_420.avif"]) {
      const file = fileAt(join(folders[1] as string, name));
      await expect(decodeImage(file, { maxPixels: 61 * 47 - 1 })).rejects.toThrow(/more than 2866 pixels/);
    }
    await expect(decodeImage(large, { maxPixels: 0 })).rejects.toThrow(RangeError);
  });

  it("reads or refuses whatever became of a file", async () => {
    const random = createRandom(3);
    const seeds = own.map((path) => readFileSync(path)).filter((bytes) => bytes.length < 12_000);
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(seeds[random.integer(seeds.length)] as Buffer);
      for (let i = 0; i <= round % 3; i++)
        bytes[8 + random.integer(round % 2 ? 60 : bytes.length - 8)] = random.integer(256);
      const cut = bytes.subarray(0, round % 5 === 0 ? 12 + random.integer(bytes.length) : bytes.length);
      const outcome = await decodeImage(new Blob([cut]), { maxPixels: 100_000 }).catch((error: unknown) => error);
      if (outcome instanceof ImageError) expect(outcome.cause).not.toBeInstanceOf(RangeError);
      else expect(outcome).toMatchObject({ data: expect.any(Uint8Array), width: expect.any(Number) });
    }
  });

  it("names what is missing outside a browser, and that a browser reads no TIFF", async () => {
    const file = fileAt(join(folders[1] as string, "gray.tif"));
    await expect(decodeImage(file)).rejects.toThrow(/gray\.tif: TIFF is not read in browsers; convert it to PNG$/);
    const jpeg = fileAt(join(folders[0] as string, "gray.jpg"));
    await expect(decodeImage(jpeg)).rejects.toThrow(/no createImageBitmap to decode a JPEG; in Node use readImage/);
  });
});

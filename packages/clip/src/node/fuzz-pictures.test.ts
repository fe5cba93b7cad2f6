import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { decodeImage } from "../browser/decode-image.js";
import { mutateBytes } from "../fuzz/bytes.test.kit.js";
import { findFault } from "../fuzz/oracle.test.kit.js";
import { inventPicture, mutatePicture } from "../fuzz/pictures.test.kit.js";
import type { RgbImage } from "../image.js";
import { createRandom, type Random } from "../random.js";
import { readImage } from "./read-image.js";

// The short form of tools/fuzz for pictures: the same mutations and checks, always the same inputs.

const maxPixels = 300_000;
const seeds = ["preprocess/files", "preprocess-more"]
  .map((name) => join(import.meta.dirname, "../../fixtures", name))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => /\.(png|jpg|gif|webp|tif|avif)$/.test(path) && statSync(path).size < 6000)
  .sort()
  .map((path) => new Uint8Array(readFileSync(path)));

function mutate(random: Random): Uint8Array {
  const seed = seeds[random.integer(seeds.length)] as Uint8Array;
  if (random.integer(40) === 0) return inventPicture(random);
  return random.integer(4) === 0 ? mutateBytes(seed, random, seeds) : mutatePicture(seed, random, seeds);
}

async function fuzz(
  count: number,
  file: string,
  read: (bytes: Uint8Array) => Promise<RgbImage>,
): Promise<{ faults: string[]; loaded: number }> {
  const faults: string[] = [];
  let loaded = 0;
  for (let i = 0; i < count; i++) {
    const bytes = mutate(createRandom(`pictures/${i}`));
    try {
      const { data, width, height } = await read(bytes);
      loaded++;
      if (data.length !== width * height * 3) faults.push(`${i}: ${data.length} bytes for ${width} x ${height}`);
      if (width * height > maxPixels) faults.push(`${i}: ${width} x ${height}, more than ${maxPixels} pixels`);
    } catch (error) {
      const fault = findFault(error, { file });
      if (fault !== undefined) faults.push(`${i}: ${fault}`);
    }
  }
  return { faults, loaded };
}

afterEach(() => void vi.unstubAllGlobals());

describe("mutated pictures", () => {
  it("are read whole or refused in one line, never of more pixels than allowed", async () => {
    const { faults, loaded } = await fuzz(500, "bytes", (bytes) => readImage(bytes, { maxPixels }));
    expect(faults).toEqual([]);
    expect(loaded).toBeGreaterThan(50);
  });

  it("are so in a browser, before it is given anything to decode", async () => {
    // Node has no decoder of a browser: what gets so far is refused here.
    vi.stubGlobal("createImageBitmap", () => Promise.reject(new Error("no such decoder")));
    const { faults, loaded } = await fuzz(800, "mutated-input", (bytes) =>
      decodeImage(Object.assign(new Blob([new Uint8Array(bytes)]), { name: "mutated-input" }), { maxPixels }),
    );
    expect(faults).toEqual([]);
    expect(loaded).toBeGreaterThan(30);
  });
});

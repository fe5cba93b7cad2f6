import { beforeAll, describe, expect, it } from "vitest";
import { backgroundFamilies, drawBackground } from "./backgrounds.js";
import { AREA, SIDE, toPicture } from "./canvas.js";
import { composePicture, drawPlacement, paste, pictureDefaults } from "./compositor.js";
import { drawPicture, drawTexture, randomFor } from "./picture.js";
import { loadSprites, type Sprite, type SpriteBook } from "./sprites.js";
import { textureFamilies } from "./textures.js";

let sprites: SpriteBook;
beforeAll(async () => {
  sprites = await loadSprites();
});

const square: Sprite = {
  side: 8,
  pixels: Float32Array.from({ length: 8 * 8 * 4 }, (_, i) => [0.5, 0.25, 0, 1][i % 4]!),
};
const upright = { centre: [0, 0], angle: 0, flip: false, gain: [1, 1, 1] } as const;

describe("loadSprites", () => {
  it("reads two designs of every main object and of every clutter concept, none of them empty", () => {
    const { id, nearOod, ood } = sprites.concepts;
    for (const concept of [...id, ...nearOod, ...Object.values(ood).flat()]) {
      const designs = sprites.object(concept);
      expect(designs).toHaveLength(2);
      for (const { pixels, side } of designs) {
        expect(side).toBe(72);
        const covered = pixels.filter((value, index) => index % 4 === 3 && value > 0.5).length;
        expect({ concept, tiny: covered / (side * side) < 0.05 }).toEqual({ concept, tiny: false });
      }
    }
    expect(sprites.clutter).toHaveLength(2 * 461);
  });

  it("premultiplies: no colour exceeds alpha", () => {
    for (const { pixels } of [...sprites.object("fox"), ...sprites.clutter.slice(0, 50)]) {
      for (let at = 0; at < pixels.length; at += 4) {
        expect(Math.max(pixels[at]!, pixels[at + 1]!, pixels[at + 2]!)).toBeLessThanOrEqual(pixels[at + 3]!);
      }
    }
  });

  it("refuses a name that is no main object", () => {
    expect(() => sprites.object("dragon fruit")).toThrow(/no main object is called "dragon fruit"/);
  });
});

describe("paste", () => {
  it("covers exactly its frame when upright", () => {
    const canvas = new Float32Array(3 * AREA);
    paste(canvas, square, { ...upright, scale: 0.5 });
    const inside = (pixel: number): boolean =>
      [pixel % SIDE, Math.floor(pixel / SIDE)].every((at) => at >= SIDE / 4 + 4 && at < (3 * SIDE) / 4 - 4);
    const outside = (pixel: number): boolean =>
      [pixel % SIDE, Math.floor(pixel / SIDE)].some((at) => at < SIDE / 4 - 4 || at >= (3 * SIDE) / 4 + 4);
    const pixels = [...canvas.subarray(0, AREA)];
    expect(pixels.filter((value, pixel) => inside(pixel) && Math.abs(value - 0.5) > 1e-6)).toEqual([]);
    expect(pixels.filter((value, pixel) => outside(pixel) && value !== 0)).toEqual([]);
  });

  it("keeps the picture below where the sprite is half transparent", () => {
    const veil: Sprite = { side: 8, pixels: Float32Array.from({ length: 256 }, (_, i) => [0.5, 0, 0, 0.5][i % 4]!) };
    const canvas = new Float32Array(3 * AREA).fill(1);
    paste(canvas, veil, { ...upright, scale: 0.9 });
    const middle = (SIDE / 2) * SIDE + SIDE / 2;
    expect([canvas[middle], canvas[AREA + middle]]).toEqual([1, 0.5]);
  });

  it("mirrors, and never lets a gain lift a colour above alpha", () => {
    const half: Sprite = { side: 8, pixels: Float32Array.from({ length: 256 }, (_, i) => (i % 32 < 16 ? 0.9 : 0)) };
    const draw = (flip: boolean): Float32Array => {
      const canvas = new Float32Array(3 * AREA);
      paste(canvas, half, { ...upright, scale: 1, flip, gain: [1.25, 1, 1] });
      return canvas;
    };
    const [plain, mirrored] = [draw(false), draw(true)];
    const row = (SIDE / 2) * SIDE;
    expect(plain[row + 10]).toBeCloseTo(0.9, 6);
    expect(plain[row + 54]).toBe(0);
    expect(mirrored[row + 10]).toBe(0);
    expect(mirrored[row + 54]).toBeCloseTo(0.9, 6);
  });

  it("turns counter-clockwise coordinates as PyTorch's affine_grid does", () => {
    // a dot right of the middle, turned by 90 degrees, lands below it (y points down)
    const pixels = new Float32Array(8 * 8 * 4);
    pixels.fill(1, (3 * 8 + 6) * 4, (3 * 8 + 8) * 4);
    pixels.fill(1, (4 * 8 + 6) * 4, (4 * 8 + 8) * 4);
    const canvas = new Float32Array(3 * AREA);
    paste(canvas, { side: 8, pixels }, { ...upright, scale: 1, angle: Math.PI / 2 });
    expect(canvas[56 * SIDE + 32]).toBeGreaterThan(0.9);
    expect(canvas[8 * SIDE + 32]).toBe(0);
    expect(canvas[32 * SIDE + 56]).toBe(0);
  });
});

describe("drawPlacement", () => {
  it("keeps an object's frame inside and its values in range", () => {
    const random = randomFor(3, "placements");
    for (let i = 0; i < 500; i++) {
      const { centre, scale, angle, gain } = drawPlacement(random, pictureDefaults.objectScale, true);
      expect(scale).toBeGreaterThanOrEqual(0.55);
      expect(scale).toBeLessThan(0.95);
      for (const at of centre) expect(Math.abs(at) + scale).toBeLessThanOrEqual(1 + 1e-12);
      expect(Math.abs(angle)).toBeLessThanOrEqual(0.3);
      for (const factor of gain) expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.25);
    }
  });
});

describe("drawPicture", () => {
  it("gives the same bytes for the same seed and key, in any order, and others for others", () => {
    const draw = (seed: number, key: string): Uint8Array => drawPicture({ sprites, concept: "fox", seed, key }).data;
    const first = draw(1, "a");
    const other = draw(1, "b");
    expect(draw(1, "a")).toEqual(first);
    expect(other).not.toEqual(first);
    expect(draw(2, "a")).not.toEqual(first);
    expect(first).toHaveLength(64 * 64 * 3);
  });

  it("uses both designs and 0 to 4 clutter objects, all about equally often", () => {
    const designs = [0, 0];
    const clutter = [0, 0, 0, 0, 0];
    /** A list that tells which member is read. */
    const watch = (list: Sprite[], onRead: (index: number) => void): Sprite[] =>
      new Proxy(list, {
        get(target, key) {
          if (typeof key === "string" && /^\d+$/.test(key)) onRead(Number(key));
          return Reflect.get(target, key) as unknown;
        },
      });
    for (let i = 0; i < 500; i++) {
      let drawn = 0;
      const object = watch([square, square], (index) => (designs[index]! += 1));
      composePicture(
        randomFor(1, `mix ${i}`),
        { object: () => object, clutter: watch([square], () => (drawn += 1)) },
        "any",
      );
      clutter[drawn]! += 1;
    }
    // 500 draws: 5 standard deviations are 56 of 250 and 45 of 100
    for (const count of designs) expect(Math.abs(count - 250)).toBeLessThan(56);
    for (const count of clutter) expect(Math.abs(count - 100)).toBeLessThan(45);
  });

  it("refuses a seed that is not a whole number from 0", () => {
    expect(() => drawPicture({ sprites, concept: "fox", seed: 0.5 })).toThrow(/expected a whole number from 0/);
    expect(() => drawPicture({ sprites, concept: "fox", seed: -1 })).toThrow(RangeError);
  });
});

describe("backgrounds and textures", () => {
  it("are different families", () => {
    expect(backgroundFamilies).toHaveLength(7);
    expect(textureFamilies).toHaveLength(6);
    expect(textureFamilies.filter((name) => (backgroundFamilies as readonly string[]).includes(name))).toEqual([]);
  });

  it.each(backgroundFamilies)("background %s is deterministic and within 0..1", (family) => {
    const draw = (): Float32Array => drawBackground(randomFor(7, family), family);
    const canvas = draw();
    expect(canvas).toEqual(draw());
    expect(canvas.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it.each(textureFamilies)("texture %s has contrast and is deterministic", (family) => {
    const { data } = drawTexture({ seed: 5, key: family, family });
    expect(data).toEqual(drawTexture({ seed: 5, key: family, family }).data);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
    expect(deviation).toBeGreaterThan(8); // above the noise's 0.05 x 255 x (share of unclamped pixels)
  });

  it("a solid background carries only noise: its planes are flat", () => {
    const { data } = toPicture(drawBackground(randomFor(11, "flat"), "solid"));
    for (let c = 0; c < 3; c++) {
      const plane = data.filter((_, index) => index % 3 === c);
      const mean = plane.reduce((sum, value) => sum + value, 0) / plane.length;
      const deviation = Math.sqrt(plane.reduce((sum, value) => sum + (value - mean) ** 2, 0) / plane.length);
      expect(deviation).toBeLessThan(0.06 * 255 * 1.05); // the strongest noise, and 5 % for its sampling
    }
  });
});

import { describe, expect, it } from "vitest";
import { colorAt, colorMaps, inkOn, parseRgb, type Rgb, toHex } from "./color-map.js";

const linear = (part: number): number =>
  part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]: Rgb): number => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);

describe("colour maps", () => {
  it.each(colorMaps)("%s rises steadily in lightness", (map) => {
    const lightness = Array.from({ length: 101 }, (_, i) => luminance(colorAt(map, i / 100)));
    for (let i = 4; i < lightness.length; i += 4) expect(lightness[i]).toBeGreaterThan(lightness[i - 4]!);
    expect(lightness[100]! - lightness[0]!).toBeGreaterThan(0.6);
  });

  it("cut what lies outside", () => {
    expect(colorAt("cividis", -3)).toEqual(colorAt("cividis", 0));
    expect(colorAt("cividis", 7)).toEqual([254, 232, 56]);
    expect(colorAt("magma", Number.NaN)).toEqual([0, 0, 4]);
  });
});

it("reads and writes colours", () => {
  expect(parseRgb("#ff6000")).toEqual([255, 96, 0]);
  expect(parseRgb("08f")).toEqual([0, 136, 255]);
  for (const wrong of ["", "#12", "red", "#12345g"]) expect(parseRgb(wrong)).toBeUndefined();
  expect(toHex([0, 8, 255])).toBe("#0008ff");
});

it("writes on colours so that it can be read", () => {
  expect(inkOn([255, 234, 70])).toEqual([0, 0, 0]);
  expect(inkOn([0, 34, 78])).toEqual([255, 255, 255]);
});

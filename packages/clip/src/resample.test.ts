import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { createRandom } from "./random.js";
import { plainPasses } from "./resample-plain.js";
import { createSimdPasses } from "./resample-simd.js";
import { resample } from "./resample.js";
import type { Box } from "./resample.js";
import { resampleWasm } from "./resample-wasm.js";

const simdPasses = createSimdPasses();

/** Bytes of which many are 0 and 255, so that overshoots are cut on both sides. */
function picture(width: number, height: number, seed: string) {
  const random = createRandom(seed);
  const data = Uint8Array.from({ length: width * height * 3 }, () =>
    Math.min(255, Math.max(0, random.integer(512) - 128)),
  );
  return { data, width, height };
}

/** Whether both passes give the same bytes, as many as the window has. */
function agree(image: ReturnType<typeof picture>, source: Box, size: { width: number; height: number }, window: Box) {
  const plain = resample(image, source, size, window, plainPasses);
  const simd = resample(image, source, size, window, simdPasses);
  return simd.length === window.width * window.height * 3 && Buffer.compare(simd, plain) === 0;
}

describe("the passes in WebAssembly", () => {
  const side = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 400 }));
  const inside = (length: number) =>
    fc
      .integer({ min: 1, max: length })
      .chain((size) => fc.tuple(fc.integer({ min: 0, max: length - size }), fc.constant(size)));
  const box = (width: number, height: number) =>
    fc.tuple(inside(width), inside(height)).map(([[left, w], [top, h]]) => ({ left, top, width: w, height: h }));

  it("equal the plain ones on any picture, cut, size and window", () => {
    const cases = fc
      .tuple(side, side, side, side)
      .chain(([width, height, newWidth, newHeight]) =>
        fc.tuple(
          fc.constant([width, height, newWidth, newHeight] as const),
          box(width, height),
          box(newWidth, newHeight),
          fc.string(),
        ),
      );
    fc.assert(
      fc.property(cases, ([[width, height, newWidth, newHeight], source, window, seed]) => {
        const size = { width: newWidth, height: newHeight };
        expect(agree(picture(width, height, seed), source, size, window)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ["wide pictures in parts of their outputs", [70_000, 17], [3000, 9], 0],
    ["tall pictures in parts of their outputs", [17, 90_000], [9, 3000], 0],
    ["wide and tall ones in parts of their columns", [6000, 700], [6000, 3], 0],
    ["many pixels out of one", [1, 2], [3000, 2000], 0],
    ["many columns out of few", [3, 3], [100_000, 5], 0],
    ["one pixel out of too many, which the plain ones do", [200_000, 2], [1, 1], 1],
  ] as const)("take %s", (_, [width, height], [newWidth, newHeight], plainCalls) => {
    const image = picture(width, height, "large");
    const size = { width: newWidth, height: newHeight };
    const whole = { left: 0, top: 0, width, height };
    const window = { left: 0, top: 0, ...size };
    const expected = resample(image, whole, size, window, plainPasses);
    const grow = vi.spyOn(WebAssembly.Memory.prototype, "grow");
    const spies = [vi.spyOn(plainPasses, "rows"), vi.spyOn(plainPasses, "columns")];
    expect(Buffer.compare(resample(image, whole, size, window, createSimdPasses()), expected)).toBe(0);
    expect(spies.flatMap((spy) => spy.mock.calls)).toHaveLength(plainCalls);
    expect(grow.mock.calls.reduce((pages, [more]) => pages + more, 1)).toBeLessThanOrEqual(64);
  });

  it("are small enough for a browser to compile at once", () => {
    const bytes = Buffer.from(resampleWasm, "base64");
    expect(bytes.length).toBeLessThanOrEqual(4096);
    expect(WebAssembly.validate(bytes)).toBe(true);
  });

  it("give way to the plain ones where WebAssembly is missing or forbidden", async () => {
    const blocked = function blocked() {
      throw new Error("compiling is forbidden");
    };
    for (const replacement of [undefined, { Module: blocked }]) {
      vi.resetModules();
      vi.stubGlobal("WebAssembly", replacement);
      const { fastestPasses } = await import("./resample-simd.js");
      const { plainPasses } = await import("./resample-plain.js");
      expect(fastestPasses()).toBe(plainPasses);
      vi.unstubAllGlobals();
    }
    vi.resetModules();
    const { fastestPasses } = await import("./resample-simd.js");
    const { plainPasses: plain } = await import("./resample-plain.js");
    expect(fastestPasses()).not.toBe(plain);
    expect(fastestPasses()).toBe(fastestPasses());
  });
});

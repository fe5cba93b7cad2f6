import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Clip } from "@locoop/clip";
import { tinyClipPaths, tinyClipTemplate } from "@locoop/tiny-clip";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findViolations } from "./accessibility.js";
import { hasChromium, launch, openPage } from "./browser.js";
import { openTinyClip, scoreFiles } from "./expected.js";
import { buildPage, removePage, serve, type Site } from "./site.js";

const fixtures = join(import.meta.dirname, "../../../packages/clip/fixtures");
const pictures = [
  "preprocess/files/landscape.jpg",
  "preprocess/files/rgba.png",
  "preprocess/files/palette.gif",
  "preprocess-more/lossless.webp",
].map((name) => join(fixtures, name));
const noPicture = join(fixtures, "preprocess/bad/text.jpg");
const classNames = ["cat", "dog", "horse", "red panda"];

/** Waits, as long as a busy machine may take. */
const eventually = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 30_000, interval: 100 });

/** What the cards of a page say. */
async function readCards(page: Page) {
  return page.locator("#panel-detect li.card").evaluateAll((cards) =>
    cards.map((card) => {
      const value = (key: string) => Number(card.querySelector(`[data-key="${key}"]`)?.getAttribute("data-value"));
      return {
        name: card.querySelector("h2")?.textContent,
        verdict: card.querySelector(".verdict")?.textContent,
        mcm: value("mcm"),
        glmcm: value("glmcm"),
        confidence: value("confidence"),
      };
    }),
  );
}

describe.skipIf(!hasChromium)("the tab Detect", () => {
  let folder: string;
  let site: Site;
  let plain: Site;
  let browser: Browser;
  let clip: Clip;

  beforeAll(async () => {
    folder = await buildPage();
    site = await serve(folder, { isolated: true });
    plain = await serve(folder, { isolated: false });
    browser = await launch({ webgpu: true });
    clip = await openTinyClip();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await plain?.close();
    clip?.dispose();
    await removePage(folder);
  }, 60_000);

  it.each([
    ["WebAssembly with threads", "?device=wasm", true, /WebAssembly with SIMD, \d threads?/],
    ["WebAssembly without threads", "?device=wasm", false, /WebAssembly with SIMD, 1 thread/],
  ])("judges files as the library does in Node, on %s", async (_name, query, isolated, engine) => {
    const { page, errors } = await openPage(browser, (isolated ? site : plain).url + query);
    expect(await page.locator("#engine").textContent()).toMatch(engine);
    await page.getByLabel("Classes, one a line").fill(classNames.join("\n"));
    await page.locator("#pictures").setInputFiles(pictures);
    const lastVerdict = page
      .locator("#panel-detect li.card")
      .nth(pictures.length - 1)
      .locator("[data-key='mcm']");
    await lastVerdict.waitFor({ timeout: 90_000 });
    await eventually(async () => page.locator("#panel-detect li.card select").first().locator("option").count()).toBe(
      classNames.length,
    );
    const cards = await readCards(page);
    const expected = await scoreFiles(clip, pictures, classNames);
    expect(cards.map(({ name }) => name)).toEqual(pictures.map((path) => basename(path)));
    for (const [i, { mcm, glmcm, confidence, label }] of expected.entries()) {
      expect(Math.abs(cards[i]!.mcm - mcm)).toBeLessThan(1e-4);
      expect(Math.abs(cards[i]!.glmcm - glmcm)).toBeLessThan(1e-4);
      expect(Math.abs(cards[i]!.confidence - confidence)).toBeLessThan(1e-3);
      expect(cards[i]!.verdict).toContain(classNames[label]);
    }
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
    expect(errors).toEqual([]);
    await page.close();
  });

  it("says in a sentence what is no picture, which names repeat, and that there is no threshold yet", async () => {
    const { page } = await openPage(browser, site.url);
    await page.locator("#pictures").setInputFiles([noPicture, pictures[0]!]);
    await eventually(async () => page.locator("#message").textContent()).toMatch(
      /text\.jpg is left out: not a picture/,
    );
    expect(await page.locator("#panel-detect li.card").count()).toBe(1);
    expect(await page.locator("#threshold-note").textContent()).toMatch(/Not known yet/);
    await page.getByLabel("Classes, one a line").fill("cat\ndog\nCat");
    await eventually(async () => page.locator("#classes-problem").textContent()).toMatch(/“Cat” is named twice/);
    await page.close();
  });

  it("calibrates on known pictures, and keeps everything over a reload", async () => {
    const { page } = await openPage(browser, site.url);
    await page.getByLabel("Classes, one a line").fill(classNames.join("\n"));
    await page.locator("#known").setInputFiles(pictures);
    await page.locator("#pictures").setInputFiles(pictures.slice(0, 2));
    await eventually(async () => page.locator("#threshold-note").textContent()).toMatch(/95 % of 4 known pictures/);
    const expected = await scoreFiles(clip, pictures, classNames);
    const lowest = Math.min(...expected.map(({ glmcm }) => glmcm));
    await eventually(async () => Number(await page.locator("#threshold").getAttribute("placeholder"))).toBeCloseTo(
      lowest,
      4,
    );
    await page.reload();
    await page.locator("#panel-detect li.card [data-key='mcm']").nth(1).waitFor();
    expect(await page.getByLabel("Classes, one a line").inputValue()).toBe(classNames.join("\n"));
    expect(await page.locator("#threshold-note").textContent()).toMatch(/95 % of 4 known pictures/);
    await page.close();
  });

  it("is found good by axe, in light and in dark, wide and narrow", async () => {
    const shots = process.env["LOCOOP_SCREENSHOTS"];
    if (shots) await mkdir(shots, { recursive: true });
    const { page } = await openPage(browser, site.url);
    await page.getByLabel("Classes, one a line").fill(classNames.join("\n"));
    await page.locator("#known").setInputFiles(pictures);
    await page.locator("#pictures").setInputFiles(pictures);
    await page.locator("#panel-detect li.card [data-key='mcm']").nth(3).waitFor();
    for (const [colorScheme, width] of [
      ["light", 1200],
      ["dark", 1200],
      ["light", 360],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      for (const tab of ["Detect", "Train", "Compare"]) {
        await page.getByRole("tab", { name: tab }).click();
        expect(await findViolations(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        if (shots)
          await writeFile(
            join(shots, `${tab}-${colorScheme}-${width}.png`.toLowerCase()),
            await page.screenshot({ fullPage: true }),
          );
      }
    }
    await page.close();
  });

  it("needs at most 1 MB of compressed JavaScript and WebAssembly up to the first verdict, and no ONNX Runtime", async () => {
    site.requests.length = 0;
    const context = await browser.newContext({ serviceWorkers: "block" }); // it loads ahead what a later visit needs
    const page = await context.newPage();
    await page.goto(site.url);
    await page.locator("#engine[data-ready='true']").waitFor();
    await page.locator("#pictures").setInputFiles(pictures[0]!);
    await page.locator("[data-key='mcm']").waitFor();
    const code = [...new Set(site.requests)].filter((path) => /\.(js|mjs|wasm)$/.test(path));
    expect(code.some((path) => /ort/.test(path))).toBe(false);
    const sizes = await Promise.all(code.map(async (path) => gzipSync(await readFile(join(folder, path))).length));
    const total = sizes.reduce((a, b) => a + b, 0);
    console.log(`up to the first verdict: ${(total / 1000).toFixed(0)} kB of code, gzipped, in ${code.length} files`);
    expect(total).toBeGreaterThan(100_000);
    expect(total).toBeLessThanOrEqual(1_000_000);
    await context.close();
  });

  it("opens weights from disk in ONNX Runtime, to the same verdicts, and says which files are none", async () => {
    const { page } = await openPage(browser, site.url);
    await page.getByText("Model and device").click();
    await page.locator("#weights").setInputFiles(pictures[0]!);
    await page.locator("#device").selectOption("wasm");
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await eventually(async () => page.locator("#message").textContent()).toMatch(
      /landscape\.jpg: .*The model that was open still is/,
    );
    await page.locator("#weights").setInputFiles(tinyClipPaths().weights);
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await eventually(async () => page.locator("#engine").textContent()).toMatch(
      /WebAssembly \(ONNX Runtime\).*tiny-clip\.safetensors/,
    );
    await page.getByLabel("Classes, one a line").fill(classNames.join("\n"));
    await page.locator("#template").fill(tinyClipTemplate);
    await page.locator("#pictures").setInputFiles(pictures[0]!);
    const [expected] = await scoreFiles(clip, pictures.slice(0, 1), classNames);
    await eventually(async () => (await readCards(page))[0]?.glmcm).toBeCloseTo(expected!.glmcm, 4);
    expect((await readCards(page))[0]!.mcm).toBeCloseTo(expected!.mcm, 4);
    await page.close();
  });

  it("works without a network after the first visit, and with threads where the server isolates no page", async () => {
    const { page } = await openPage(browser, plain.url);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await eventually(() => page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
    plain.offline = true;
    await page.reload();
    await page.locator("#engine[data-restored='true']").waitFor();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await page.locator("#pictures").setInputFiles(pictures[0]!);
    await page.locator("[data-key='mcm']").waitFor();
    plain.offline = false;
    await page.close();
  });

  it("does the work of the towers off the page's thread", async () => {
    const { page } = await openPage(browser, site.url);
    const profiler = await page.context().newCDPSession(page);
    await profiler.send("Profiler.enable");
    await profiler.send("Profiler.start");
    await page.locator("#pictures").setInputFiles(pictures);
    await page
      .locator("[data-key='mcm']")
      .nth(pictures.length - 1)
      .waitFor();
    const { profile } = await profiler.send("Profiler.stop");
    const scripts = new Set(
      profile.nodes.map(({ callFrame }) => callFrame.url).filter((url) => url.startsWith("http")),
    );
    expect(scripts.size).toBeGreaterThan(0);
    expect([...scripts].filter((url) => !/\/assets\/index-/.test(url))).toEqual([]);
    await page.close();
  });

  it("judges on WebGPU as the library does in Node, and goes on with WebAssembly when the graphics device is lost", async () => {
    const { page } = await openPage(browser, `${site.url}?device=webgpu`);
    expect(await page.locator("#engine").textContent()).toMatch(/WebGPU/);
    const expected = await scoreFiles(clip, pictures.slice(0, 2), ["cat", "dog", "horse", "fox"]);
    const check = async (count: number): Promise<void> => {
      await page
        .locator("[data-key='mcm']")
        .nth(count - 1)
        .waitFor();
      for (const [i, { mcm, glmcm }] of (await readCards(page)).entries()) {
        expect(Math.abs(mcm - expected[i]!.mcm)).toBeLessThan(1e-4);
        expect(Math.abs(glmcm - expected[i]!.glmcm)).toBeLessThan(1e-4);
      }
    };
    await page.locator("#pictures").setInputFiles(pictures[0]!);
    await check(1);
    const control = await browser.newBrowserCDPSession();
    await control.send("Browser.crashGpuProcess" as "Browser.getVersion").catch(() => {}); // its own answer is lost, too
    await page.locator("#pictures").setInputFiles(pictures[1]!);
    await check(2);
    expect(await page.locator("#engine").textContent()).toMatch(/WebAssembly/);
    await page.close();
  });
});

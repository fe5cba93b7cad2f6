import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readSafetensors } from "@locoop/clip";
import { drawBenchmark, tinyClipPaths } from "@locoop/tiny-clip";
import { trainRuns } from "locoop/node";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, launch, openPage } from "./browser.js";
import { buildPage, removePage, serve, type Site } from "./site.js";

const run = promisify(execFile);
const locoop = join(import.meta.dirname, "../../../packages/locoop/bin/locoop.js");
const classNames = ["cat", "fox", "horse"];
const settings = { shots: 4, seed: 5, epochs: 6, lambda: 0.25 };

const eventually = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 60_000, interval: 100 });

const contextsOf = (bytes: Uint8Array): Float32Array =>
  readSafetensors(bytes).tensors.get("contexts")!.data as Float32Array;

const difference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

/** What `detect --json` says of each picture: one document, or a line for each. */
function readDetections(stdout: string): { score: number; isId: boolean }[] {
  if (stdout.startsWith("{\n")) return (JSON.parse(stdout) as { pictures: ReturnType<typeof readDetections> }).pictures;
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ReturnType<typeof readDetections>[number]);
  return lines.filter(({ score }) => score !== undefined);
}

/** Opens the tab and gives it the class folders and the settings. */
async function prepare(page: Page, folder: string, more: Record<string, number> = {}): Promise<void> {
  await page.getByRole("tab", { name: "Train" }).click();
  for (const name of ["Remove the class"]) {
    const buttons = page.locator("#panel-train").getByRole("button", { name });
    while ((await buttons.count()) > 0) await buttons.first().click();
  }
  await page.locator("#class-folders").setInputFiles(folder);
  await eventually(async () => page.locator("#panel-train .thumbs img").count()).toBe(classNames.length * 6);
  for (const [name, value] of Object.entries({ ...settings, ...more }))
    await page.locator(`#train-${name}`).fill(String(value));
}

/** What a click on a button downloads. */
async function download(page: Page, name: string): Promise<Buffer> {
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name }).click();
  return readFile(await (await waiting).path());
}

describe.skipIf(!hasChromium)("the tab Train", () => {
  let work: string;
  let folder: string;
  let built: string;
  let site: Site;
  let browser: Browser;

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "locoop-train-"));
    folder = join(work, "classes");
    await drawBenchmark({
      dir: join(work, "drawn"),
      seed: 1,
      trainPerClass: 6,
      validationPerClass: 0,
      testPerClass: 0,
      ood: 1,
    });
    await mkdir(folder);
    for (const name of classNames) await cp(join(work, "drawn/train", name), join(folder, name), { recursive: true });
    built = await buildPage();
    site = await serve(built, { isolated: true });
    browser = await launch();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await removePage(built);
    await rm(work, { recursive: true, force: true });
  }, 60_000);

  it("trains the command line's context for the same seed, and its file judges there as here", async () => {
    const out = join(work, "run");
    const { shots, seed, epochs, lambda } = settings;
    const weights = tinyClipPaths().weights;
    const [trained] = await trainRuns({
      data: folder,
      weights,
      out,
      shots,
      seeds: [seed],
      epochs,
      lambda,
      backend: "wasm",
      threads: 1,
    });
    const expected = contextsOf(await readFile(join(out, "prompt.safetensors")));

    const { page, errors } = await openPage(browser, site.url);
    await prepare(page, folder);
    await page.locator("#train-start").click();
    await page.locator("#train-result").waitFor();
    const bytes = await download(page, "Download the prompt");
    const contexts = contextsOf(bytes);
    const off = difference(contexts, expected);
    console.log(`contexts of page and command line differ by at most ${off.toExponential(1)}`);
    expect(contexts.length).toBe(expected.length);
    expect(off).toBeLessThan(1e-5);
    expect(Math.max(...contexts)).toBeGreaterThan(0.01);
    const { thresholds } = trained!.detector;
    const said = await page.locator("#train-result").textContent();
    const [, glmcm, mcm] = /GL-MCM ([\d.]+) or MCM ([\d.]+)\. 95 % of 6 held-out/.exec(said!)!;
    expect(Math.abs(Number(glmcm) - thresholds["gl-mcm"]!.threshold)).toBeLessThan(1e-4);
    expect(Math.abs(Number(mcm) - thresholds["mcm"]!.threshold)).toBeLessThan(1e-4);

    // The page judges by what it trained; the command line judges by the page's file.
    const pictures = (await readdir(join(work, "drawn/ood/vehicles-and-things"))).map((name) =>
      join(work, "drawn/ood/vehicles-and-things", name),
    );
    pictures.push(join(folder, "fox/0000.png"));
    await page.getByRole("button", { name: "Judge pictures by it" }).click();
    await page.locator("#pictures").setInputFiles(pictures);
    await page
      .locator("#panel-detect li.card [data-key='glmcm']")
      .nth(pictures.length - 1)
      .waitFor();
    const prompt = join(work, "prompt.safetensors");
    await writeFile(prompt, bytes);
    const names = join(work, "classes.txt");
    await writeFile(names, `${classNames.join("\n")}\n`);
    const { stdout } = await run("node", [
      locoop,
      "detect",
      "--json",
      "--checkpoint",
      prompt,
      "--class-names",
      names,
      "--weights",
      weights,
      "--threshold",
      glmcm!,
      "--backend",
      "wasm",
      ...pictures,
    ]);
    const rows = readDetections(stdout);
    for (const [i] of pictures.entries()) {
      const card = page.locator("#panel-detect li.card").nth(i);
      const score = Number(await card.locator("[data-key='glmcm']").getAttribute("data-value"));
      expect(Math.abs(score - rows[i]!.score)).toBeLessThan(1e-4);
      expect(await card.locator(".verdict").getAttribute("data-known")).toBe(rows[i]!.isId ? "yes" : "no");
    }
    expect(errors).toEqual([]);

    // And the reverse: the command line's file in the page.
    await page.getByRole("tab", { name: "Train" }).click();
    await page.locator("#prompt-file").setInputFiles(join(out, "prompt.safetensors"));
    await eventually(async () => page.locator("#message").textContent()).toMatch(
      /Opened: prompt\.safetensors: 16 contexts, class name at the end/,
    );
    await page.close();
  });

  it("stops, keeps what it has over a reload, and goes on to the same context", async () => {
    const { page } = await openPage(browser, site.url);
    await prepare(page, folder, { epochs: 16 });
    await page.locator("#train-start").click();
    await page.locator("#train-result").waitFor();
    const whole = contextsOf(await download(page, "Download the prompt"));
    await page.locator("#train-start").click();
    await eventually(async () => page.locator("#train-state").textContent()).toMatch(/Step \d+ of 16/);
    await page.getByRole("button", { name: "Stop" }).click();
    await eventually(async () => page.locator("#train-state").textContent()).toMatch(
      /^Stopped\. What was trained so far is kept/,
    );
    await page.reload();
    await page.locator("#engine[data-restored='true']").waitFor();
    await page.getByRole("tab", { name: "Train" }).click();
    await page.getByRole("button", { name: "Go on" }).click();
    await eventually(async () => page.locator("#train-state").textContent()).toMatch(/^Trained in .* 16 steps/);
    expect(difference(contextsOf(await download(page, "Download the prompt")), whole)).toBeLessThan(1e-6);
    await page.close();
  });

  it("says what is missing before it trains", async () => {
    const { page } = await openPage(browser, site.url);
    await page.getByRole("tab", { name: "Train" }).click();
    await page.locator("#train-start").click();
    expect(await page.locator("#train-state").textContent()).toMatch(/A class has no name: name it, or remove it\./);
    const names = page.locator("#panel-train").getByLabel("Name of the class");
    await names.nth(0).fill("cat");
    await names.nth(1).fill("Cat");
    await page.locator("#train-start").click();
    expect(await page.locator("#train-state").textContent()).toMatch(/“Cat” is named twice/);
    await names.nth(1).fill("dog");
    await page.locator("#train-start").click();
    await eventually(async () => page.locator("#train-state").textContent()).toMatch(/The class “cat” has no picture/);
    await page.locator("#train-epochs").fill("many");
    await page.locator("#train-start").click();
    expect(await page.locator("#train-state").textContent()).toMatch(
      /“Epochs” must be a whole number of 1 or more, not “many”/,
    );
    await page.locator("#prompt-file").setInputFiles(tinyClipPaths().weights);
    await eventually(async () => page.locator("#message").textContent()).toMatch(
      /tiny-clip\.safetensors: expected a learned prompt/,
    );
    await page.close();
  });
});

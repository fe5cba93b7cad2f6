import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findViolations } from "./accessibility.js";
import { hasChromium, launch, openPage } from "./browser.js";
import { buildPage, removePage, serve, type Site } from "./site.js";

const eventually = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 60_000, interval: 100 });

describe.skipIf(!hasChromium)("the tab Compare", () => {
  let folder: string;
  let site: Site;
  let browser: Browser;

  beforeAll(async () => {
    folder = await buildPage();
    site = await serve(folder, { isolated: true });
    browser = await launch();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await removePage(folder);
  }, 60_000);

  it("compares three prompts on drawn pictures, and keeps what came out", async () => {
    const { page, errors } = await openPage(browser, site.url);
    await page.getByRole("tab", { name: "Compare" }).click();
    await page.locator("#compare-classes").fill("51");
    await page.locator("#compare-start").click();
    await eventually(async () => page.locator("#compare-state").textContent()).toMatch(
      /“Classes” must be a whole number from 2 to 50, not “51”/,
    );
    const small = { classes: 3, shots: 4, pictures: 15, epochs: 5 };
    for (const [name, value] of Object.entries(small)) await page.locator(`#compare-${name}`).fill(String(value));
    await page.locator("#compare-start").click();
    await eventually(async () => page.locator("#compare-state").textContent()).toMatch(/^Compared in/);
    const read = () =>
      page
        .locator("#compare-result tbody tr")
        .evaluateAll((rows) =>
          rows.map((row) => [
            row.querySelector("th")!.textContent,
            ...[...row.querySelectorAll("td")].map((cell) => Number(cell.dataset["value"])),
          ]),
        );
    const rows = await read();
    expect(rows.map(([name]) => name)).toEqual(["Zero-shot", "CoOp", "LoCoOp"]);
    for (const [name, ...values] of rows) {
      expect(values).toHaveLength(8); // accuracy, two means, five sets
      for (const value of values) expect(value).toBeGreaterThanOrEqual(0);
      // Textures are far from animals: below guessing, something is the wrong way round.
      expect({ name, wrong: Number(values.at(-1)) < 0.5 }).toEqual({ name, wrong: false });
    }
    expect(await page.locator("#compare-result svg path").count()).toBe(3);
    expect(await page.locator("#compare-result li.card canvas").count()).toBe(9);
    expect(await findViolations(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.reload();
    await page.locator("#engine[data-restored='true']").waitFor();
    expect(await read()).toEqual(rows);
    await page.close();
  });

  it("gives drawn pictures to try Detect and Train with", async () => {
    const { page } = await openPage(browser, site.url);
    await page.locator("#samples").click();
    await page.locator("#panel-detect li.card [data-key='mcm']").nth(6).waitFor();
    await eventually(async () => page.locator("#threshold-note").textContent()).toMatch(/95 % of 30 known pictures/);
    await page.getByRole("tab", { name: "Train" }).click();
    await page.locator("#train-samples").click();
    await eventually(async () => page.locator("#panel-train .thumbs img").count()).toBe(30);
    expect(await page.locator("#train-shots").getAttribute("placeholder")).toBe("4");
    await page.close();
  });
});

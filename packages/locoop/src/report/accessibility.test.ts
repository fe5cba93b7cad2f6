import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { renderReport } from "./html.js";
import { discPicture, sampleReport } from "./sample.test.data.js";

// Debian's Chromium. Where it is missing this file says so and is skipped, unless LOCOOP_CHROMIUM=1 asks for it.
const CHROMIUM = "/usr/bin/chromium";
const present = existsSync(CHROMIUM) || process.env["LOCOOP_CHROMIUM"] === "1";
if (!present) console.warn(`skipped: ${CHROMIUM} is missing (apt install chromium; LOCOOP_CHROMIUM=1 makes this fail)`);

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

function sample(): ReturnType<typeof sampleReport> {
  const data = sampleReport();
  const picture = discPicture(64, 64);
  const methods = data.methods.map((run) => ({
    ...run,
    pictures: {
      id: {
        paths: [],
        labels: Int32Array.from(run.scores["mcm"]!.id, (_, i) => i % 5),
        predictions: Int32Array.from(run.scores["mcm"]!.id, (_, i) => i % 3),
      },
      ood: {},
    },
    training: [1, 2, 3].map((epoch) => ({
      epoch,
      values: { loss: 3 / epoch, learningRate: 0.002, accuracy: epoch / 4 },
    })),
  }));
  const mistake = { value: 0.02, prediction: "ox", picture };
  return {
    ...data,
    methods,
    mistakes: {
      name: "LoCoOp",
      score: "mcm",
      threshold: 0.021,
      rejected: [mistake],
      accepted: [{ ...mistake, set: "SUN" }],
    },
    progress: {
      name: "LoCoOp",
      pictures: [{ picture, stages: [0, 10].map((epoch) => ({ epoch, mask: picture.mask })) }],
    },
  };
}

describe.skipIf(!present)("the report in a browser", () => {
  let browser: Browser;
  let dir = "";
  let address = "";
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "report-page-"));
    await writeFile(join(dir, "report.html"), await renderReport(sample()));
    address = pathToFileURL(join(dir, "report.html")).href;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await rm(dir, { recursive: true, force: true });
  });

  it.each([
    ["light", 1200],
    ["dark", 1200],
    ["light", 380],
  ] as const)("%s, %i pixels wide: fits, and axe finds nothing", { timeout: 120_000 }, async (colorScheme, width) => {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
    try {
      const page = await context.newPage();
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      await page.goto(address);
      // Folded tables are checked, too.
      await page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))");
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      await page.evaluate(axe);
      const violations = await page.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ impact, id, nodes }) => `${impact} ${id}: ${nodes[0].html}`))",
      );
      expect(violations).toEqual([]);
      expect(asked.filter((url) => url !== address && !url.startsWith("data:"))).toEqual([]);
    } finally {
      await context.close();
    }
  });

  it("is walked through by keyboard: the skip link, the sections, the tables", { timeout: 120_000 }, async () => {
    const page = await browser.newPage();
    try {
      await page.goto(address);
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.className")).toBe("skip");
      const reached = new Set<string>();
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        reached.add(
          await page.evaluate<string>("document.activeElement.tagName + ' ' + document.activeElement.className"),
        );
      }
      expect([...reached]).toEqual(expect.arrayContaining(["A ", "DIV scroll", "SUMMARY "]));
    } finally {
      await page.close();
    }
  });
});

// Debian's Chromium, driven by playwright-core.
import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

const wanted = process.env["LOCOOP_CHROMIUM"];

/** Whether there is a browser to test in. LOCOOP_CHROMIUM=1 makes one that is missing an error, 0 leaves these tests out. */
export const hasChromium = wanted === "1" || (wanted !== "0" && existsSync(executablePath));
if (!hasChromium && wanted !== "0")
  console.log(`the page is not tested: no Chromium at ${executablePath} (apt-get install chromium)`);

/** Starts it; with `webgpu` on SwiftShader, a software adapter. */
export function launch({ webgpu = false }: { webgpu?: boolean } = {}): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--use-angle=swiftshader",
      "--enable-unsafe-swiftshader",
      ...(webgpu ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] : []),
    ],
  });
}

/** Opens the page and waits for its model; what the page logs as an error fails the test that looks. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage(); // with a context of its own: nothing kept, nothing cached
  page.setDefaultTimeout(60_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(url);
  await page.locator("#engine[data-restored='true']").waitFor();
  return { page, errors };
}

import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { toReportCsv, toReportJson, toReportMarkdown } from "./formats.js";
import { renderReport } from "./html.js";
import type { ReportData } from "./types.js";

/** A file appears whole under its name or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes `report.html`, `report.json`, `report.csv` and `report.md` into a folder (made if missing); an earlier report
 * there is replaced, file by file, once the new one is complete.
 */
export async function writeReport(data: ReportData, dir: string): Promise<void> {
  const files = {
    "report.json": toReportJson(data),
    "report.csv": toReportCsv(data),
    "report.md": toReportMarkdown(data),
    "report.html": await renderReport(data),
  };
  await mkdir(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeWhole(join(dir, name), text);
}

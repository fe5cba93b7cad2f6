import { join } from "node:path";
import { writeWhole } from "../node/files.js";
import { toReportCsv, toReportJson, toReportMarkdown } from "./formats.js";
import { renderReport } from "./html.js";
import type { ReportData } from "./types.js";

/**
 * Writes `report.html`, `report.json`, `report.csv` and `report.md` into a folder (made if missing).
 *
 * Everything is rendered before the first byte is written, and each file replaces an earlier one only once it is complete.
 *
 * @throws if the data do not fit together (see {@link drawRegions}) or the folder cannot be written.
 *
 * @example
 * ```ts
 * import { mkdtemp, readdir } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { evaluate } from "@locoop/ood-metrics";
 * import { writeReport } from "locoop/node";
 *
 * const id = Float64Array.of(0.9, 0.8, 0.4);
 * const ood = { SUN: Float64Array.of(0.3, 0.5) };
 * const methods = [{ method: "zero-shot", scores: { mcm: { id, ood, evaluation: evaluate(id, ood) } } }];
 * const dir = await mkdtemp(join(tmpdir(), "report-"));
 * await writeReport(
 *   { title: "Pets", settings: {}, environment: {}, classNames: ["cat", "dog"], notes: [], methods, regions: [], commands: [] },
 *   dir,
 * );
 * console.log((await readdir(dir)).length); // → 4
 * ```
 */
export async function writeReport(data: ReportData, dir: string): Promise<void> {
  const files = {
    "report.json": toReportJson(data),
    "report.csv": toReportCsv(data),
    "report.md": toReportMarkdown(data),
    "report.html": await renderReport(data),
  };
  for (const [name, text] of Object.entries(files)) await writeWhole(join(dir, name), text);
}

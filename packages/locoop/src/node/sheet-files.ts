import { basename } from "node:path";
import sharp from "sharp";
import { type SheetEntry, contactSheetPage, contactSheetSvg } from "../report/contact-sheet.js";
import { drawRegionPicture, type RegionStyle } from "../report/region-drawing.js";
import { pictureHref } from "../report/region-png.js";
import { writeWhole } from "./files.js";
import { freeNames, type RegionFormat } from "./region-files.js";
import type { JudgedRegions } from "./visualization.js";

/** Pictures on one sheet; the next begins another. */
export const picturesPerSheet = 60;

/** A picture as a thumbnail of a contact sheet: small, so that thousands can wait for their sheet. */
export async function sheetEntry(
  judged: JudgedRegions,
  { style = {}, page }: { style?: RegionStyle; page?: string } = {},
): Promise<SheetEntry> {
  const { image, mask, verdict, prediction, title } = judged;
  const { width, height } = image;
  const drawing = drawRegionPicture({ ...judged, width, height }, { ...style, size: 220 });
  const count = mask.reduce((a, b) => a + b, 0);
  return {
    title,
    verdict: verdict && !verdict.isId ? `none (closest: ${prediction.className})` : prediction.className,
    ...(verdict && { isId: verdict.isId }),
    lines: [
      verdict
        ? `${verdict.score} ${verdict.value.toPrecision(4)} ${verdict.isId ? "≥" : "<"} ${verdict.threshold.toPrecision(4)}`
        : `confidence ${(100 * prediction.confidence).toFixed(1)} %`,
      `${count} of ${mask.length} regions for “${judged.label}”`,
    ],
    drawing,
    ...(await pictureHref(image, drawing, { compact: true })),
    ...(page !== undefined && { link: encodeURIComponent(basename(page)) }),
  };
}

/** Writes contact sheets of some pictures, a file of each format for every 60 of them; returns their paths. */
export async function writeSheets(
  entries: readonly SheetEntry[],
  dir: string,
  { formats, title }: { formats: readonly RegionFormat[]; title: string },
): Promise<string[]> {
  const sheets = Math.ceil(entries.length / picturesPerSheet);
  const names = Array.from({ length: sheets }, (_, i) =>
    sheets === 1 ? "contact-sheet" : `contact-sheet-page${i + 1}`,
  );
  const paths = await Promise.all(names.map((name) => freeNames(dir, name, formats)));
  for (const [i, targets] of paths.entries()) {
    const part = entries.slice(i * picturesPerSheet, (i + 1) * picturesPerSheet);
    const heading = sheets === 1 ? title : `${title} (${i + 1} of ${sheets})`;
    for (const [f, format] of formats.entries()) {
      const link = (sheet: number): string | undefined =>
        paths[sheet]?.[f] && encodeURIComponent(basename(paths[sheet]![f]!));
      const svg = (): string => contactSheetSvg(part, { title: heading });
      const content =
        format === "html"
          ? contactSheetPage(part, { title: heading, before: link(i - 1), after: link(i + 1) })
          : format === "svg"
            ? `${svg()}\n`
            : await sharp(Buffer.from(svg()), { unlimited: true }).png({ compressionLevel: 9 }).toBuffer();
      await writeWhole(targets[f]!, content);
    }
  }
  return paths.flat();
}

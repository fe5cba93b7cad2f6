import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { RegionStyle } from "../report/region-drawing.js";
import { drawRegionFigure, drawRegionPanels, type RegionMeasures } from "../report/region-figure.js";
import { renderRegionPage } from "../report/region-page.js";
import { shownPart } from "../report/region-geometry.js";
import { pictureHref, renderRegionPng } from "../report/region-png.js";
import { toSvg } from "../report/region-svg.js";
import { UsageError } from "./errors.js";
import { fileName } from "./evaluation.js";
import { exists, writeWhole } from "./files.js";
import type { JudgedRegions } from "./visualization.js";

/** What regions are written as. */
export type RegionFormat = "png" | "svg" | "html";

/** The formats of `writeRegions`. */
export const regionFormats: readonly RegionFormat[] = ["png", "svg", "html"];

/** In which formats, and how, regions are drawn. */
export interface WriteRegionsOptions extends RegionStyle {
  /** Default png alone. */
  readonly formats?: readonly RegionFormat[];
}

const sources = { option: "as given", folder: "by its folder", prediction: "as predicted" } as const;

/** Where a label came from, in words. */
export const describeSource = ({ labelSource }: Pick<JudgedRegions, "labelSource">): string => sources[labelSource];

const measuresOf = ({ image: { width, height }, ...judged }: JudgedRegions): RegionMeasures => ({
  ...judged,
  width,
  height,
  otherNames: judged.otherNames,
});

/** What a figure says of a picture, a sentence each. */
export function describeRegions(judged: JudgedRegions): string[] {
  const { label, rule, image, verdict, prediction } = judged;
  const part = shownPart(image);
  const said = verdict
    ? `${verdict.isId ? prediction.className : `none of the classes (closest: ${prediction.className})`}, confidence ${(100 * prediction.confidence).toFixed(1)} %, ${verdict.score} ${verdict.value.toPrecision(4)} ${verdict.isId ? "≥" : "<"} ${verdict.threshold.toPrecision(4)}`
    : `${prediction.className}, confidence ${(100 * prediction.confidence).toFixed(1)} % (no threshold, so no verdict)`;
  return [
    `Verdict: ${said}`,
    `Label: ${label} (${describeSource(judged)}); picture of ${image.width} × ${image.height} pixels${part.width < image.width || part.height < image.height ? `, of which the middle ${part.width} × ${part.height} are shown` : ""}`,
    `ID-irrelevant: ${rule}`,
  ];
}

/**
 * Draws the regions and writes a file of each format into a folder; their paths are returned. No file that exists is ever written
 * over, so neither a picture nor another one of the same name. See `judgeRegions` for an example.
 *
 * @throws UsageError for a format that there is not
 */
export async function writeRegions(
  judged: JudgedRegions,
  dir: string,
  { formats = ["png"], ...style }: WriteRegionsOptions = {},
): Promise<string[]> {
  for (const format of formats)
    if (!regionFormats.includes(format))
      throw new UsageError(`regions are written as ${regionFormats.join(", ")}, got "${format}"`);
  const measures = measuresOf(judged);
  const panels = drawRegionPanels(measures, style);
  const lines = describeRegions(judged);
  const figure = drawRegionFigure(panels, { heading: judged.title, lines });
  const { href, pixelated } = await pictureHref(judged.image, figure, { compact: true });
  const render: Record<RegionFormat, () => Promise<string | Uint8Array>> = {
    png: () => renderRegionPng(figure, judged.image),
    svg: async () => `${toSvg(figure, { href, pixelated, title: `${judged.title}: ${panels.panels[0]!.title}` })}\n`,
    html: async () => renderRegionPage({ title: judged.title, lines, measures, panels, href, pixelated }),
  };
  const targets = await freeNames(dir, `${basename(judged.path, extname(judged.path))}-regions`, formats);
  for (const [i, format] of formats.entries()) await writeWhole(targets[i]!, await render[format]());
  return targets;
}

/** Paths in a folder, one for each extension and of one stem, at which nothing is yet. */
export async function freeNames(dir: string, name: string, extensions: readonly string[]): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  const stem = fileName(name);
  for (let n = 1; ; n++) {
    const numbered = n === 1 ? stem : n < 10_000 ? `${stem}-${n}` : `${stem}-${randomBytes(4).toString("hex")}`;
    const paths = extensions.map((extension) => join(dir, `${numbered}.${extension}`));
    const taken = await Promise.all(paths.map(exists));
    if (!taken.includes(true)) return paths;
  }
}

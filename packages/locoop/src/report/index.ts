export { toReportCsv, toReportJson, toReportMarkdown } from "./formats.js";
export { renderReport } from "./html.js";
export { drawRegions } from "./overlay.js";
export type { DrawRegionsOptions, Rgb } from "./overlay.js";
export { encodePng, fitPicture } from "./png.js";
export { renderRegionPng } from "./region-png.js";
export { labelRuns, summarise } from "./summarise.js";
export type { MethodSummary, ScoreSummary, SetSummary, Statistic, Summary } from "./summarise.js";
export { formatTable, methodLabel } from "./table.js";
export type {
  EpochMetrics,
  JudgedPictures,
  MethodResult,
  Mistake,
  Mistakes,
  PictureCrop,
  RegionPicture,
  RegionProgress,
  ReportData,
  ScoreResult,
  ShownPicture,
} from "./types.js";
export { writeReport } from "./write.js";

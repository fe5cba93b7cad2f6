export {
  type Calibration,
  createDetector,
  type Detection,
  type Detector,
  type DetectorOptions,
  type DetectorScore,
} from "./detector.js";
export { type AugmentationPlace, augmentPicture } from "./augment-picture.js";
export { defaultTopK } from "./default-top-k.js";
export { locoopLoss, type LocoopLossOptions } from "./loss.js";
export { idIrrelevantRegions, type IdIrrelevantRegionsOptions } from "./regions.js";
export type { ColorMap, Rgb } from "./report/color-map.js";
export {
  drawRegionPicture,
  type RegionDrawing,
  type RegionScene,
  type RegionStyle,
  type Shape,
} from "./report/region-drawing.js";
export {
  drawRegionFigure,
  drawRegionPanels,
  type RegionMeasures,
  type RegionPanel,
  type RegionPanels,
} from "./report/region-figure.js";
export {
  type Rectangle,
  type RegionEdges,
  regionEdges,
  type RegionPlace,
  shownPart,
} from "./report/region-geometry.js";
export { toSvg, type ToSvgOptions } from "./report/region-svg.js";
export type { PictureCrop } from "./report/types.js";
export { promptBytes } from "./prompt-file.js";
export { trainingBatches, type TrainingBatchesOptions } from "./training-batches.js";
export { trainingDefaults } from "./training-defaults.js";

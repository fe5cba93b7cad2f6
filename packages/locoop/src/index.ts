export {
  type Calibration,
  createDetector,
  type Detection,
  type Detector,
  type DetectorOptions,
  type DetectorScore,
} from "./detector.js";
export { defaultTopK, locoopLoss, type LocoopLossOptions } from "./loss.js";
export { idIrrelevantRegions, type IdIrrelevantRegionsOptions } from "./regions.js";

import type { RgbImage } from "@locoop/clip";
import type { Evaluation } from "@locoop/ood-metrics";

/** Where the model looked: the picture resized to `resizedWidth` x `resizedHeight`, then a square cut out at `left`, `top`. */
export interface PictureCrop {
  /** Resized pixels per original pixel. */
  readonly scale: number;
  /** Left edge of the crop, in resized pixels. */
  readonly left: number;
  /** Top edge of the crop, in resized pixels. */
  readonly top: number;
  readonly resizedWidth: number;
  readonly resizedHeight: number;
}

/** A picture with the regions that were judged, ready to be drawn: what `cropFor` and `idIrrelevantRegions` give. */
export interface RegionPicture {
  readonly title: string;
  readonly label: string;
  /** The whole original picture, `[H, W, 3]`. */
  readonly image: RgbImage;
  /** `[P]`, P = grid x grid, row by row: not 0 where the region is ID-irrelevant. */
  readonly mask: Uint8Array;
  /** Regions per side of the crop. */
  readonly grid: number;
  readonly crop: PictureCrop;
}

/** What one score gave on one run: higher = more in-distribution. */
export interface ScoreResult {
  /** Scores of the in-distribution pictures. */
  readonly id: Float64Array;
  /** Scores of each out-of-distribution set, by its name. */
  readonly ood: Readonly<Record<string, Float64Array>>;
  readonly evaluation: Evaluation;
}

/** One run: a method at one number of shots and one seed. */
export interface MethodResult {
  readonly method: string;
  readonly shots?: number;
  readonly seed?: number;
  /** What else it was made with: runs that differ in any of these are no seeds of one another and are told apart by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Share of the in-distribution pictures classified right, 0 to 1. */
  readonly accuracy?: number;
  readonly scores: Readonly<Record<string, ScoreResult>>;
}

/** Everything that a report shows. */
export interface ReportData {
  readonly title: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly classNames: readonly string[];
  /** Honest limits, one sentence or paragraph each. */
  readonly notes: readonly string[];
  readonly methods: readonly MethodResult[];
  readonly regions: readonly RegionPicture[];
  /** The commands that reproduce the run, one a line. */
  readonly commands: readonly string[];
}

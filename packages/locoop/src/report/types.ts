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

/** The pictures behind the scores, in their order: what they show and what the run took them for, as class indices. */
export interface JudgedPictures {
  readonly id: { readonly paths: readonly string[]; readonly labels: Int32Array; readonly predictions: Int32Array };
  readonly ood: Readonly<Record<string, { readonly paths: readonly string[]; readonly predictions: Int32Array }>>;
}

/** Means over the steps of one epoch: loss, its parts, learning rate, accuracy. */
export interface EpochMetrics {
  /** From 1. */
  readonly epoch: number;
  readonly values: Readonly<Record<string, number>>;
}

/** A picture to show, with its regions where a model was there to find them. */
export type ShownPicture = Pick<RegionPicture, "title" | "label" | "image"> &
  Partial<Pick<RegionPicture, "mask" | "grid" | "crop">>;

/** A picture on the wrong side of the threshold, or the nearest to it. */
export interface Mistake {
  /** The OOD set it is of; undefined for an in-distribution picture. */
  readonly set?: string;
  readonly value: number;
  /** The class it was taken for. */
  readonly prediction: string;
  /** Its label is the class that the regions were judged by. */
  readonly picture: ShownPicture;
}

/** The hardest pictures of one run by one score, hardest first on both sides. */
export interface Mistakes {
  /** The run, as people read it. */
  readonly name: string;
  readonly score: string;
  readonly threshold: number;
  /** In-distribution pictures with the lowest scores. */
  readonly rejected: readonly Mistake[];
  /** Out-of-distribution pictures with the highest. */
  readonly accepted: readonly Mistake[];
}

/** How the regions of one picture changed as a run was trained. */
export interface RegionProgress {
  readonly picture: RegionPicture;
  /** Epochs done, and the mask then. */
  readonly stages: readonly { readonly epoch: number; readonly mask: Uint8Array }[];
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
  readonly pictures?: JudgedPictures;
  readonly training?: readonly EpochMetrics[];
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
  readonly mistakes?: Mistakes;
  /** Of one run, whose name comes with it. */
  readonly progress?: { readonly name: string; readonly pictures: readonly RegionProgress[] };
  /** The commands that reproduce the run, one a line. */
  readonly commands: readonly string[];
}

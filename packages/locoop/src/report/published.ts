import type { ReportData } from "./types.js";

/** FPR95 and AUROC in percent. */
type Pair = readonly [number, number];

/** One published row; `sets` are iNaturalist, SUN, Places and Texture. */
export interface PublishedRow {
  readonly method: string;
  readonly score: string;
  readonly accuracy: number;
  readonly sets: readonly [Pair, Pair, Pair, Pair];
  readonly average: Pair;
}

/** The sets of the paper, with their numbers of pictures. */
export const PAPER_SETS: Readonly<Record<string, number>> = {
  iNaturalist: 10_000,
  SUN: 10_000,
  Places: 10_000,
  Texture: 5640,
};

/** Where the figures were read. */
export const PUBLISHED_SOURCE =
  "ImageNet OOD table in the README of GalLoP (Lafon et al., ECCV 2024, github.com/MarcLafon/gallop): CLIP ViT-B/16, few-shot methods with 16 shots, one decimal";

/** Figures read in that source, as they stand there. */
export const PUBLISHED: readonly PublishedRow[] = [
  {
    method: "zero-shot CLIP",
    score: "MCM",
    accuracy: 66.7,
    sets: [
      [30.9, 94.6],
      [37.7, 92.6],
      [44.8, 89.8],
      [57.9, 86.1],
    ],
    average: [42.8, 90.8],
  },
  {
    method: "zero-shot CLIP",
    score: "GL-MCM",
    accuracy: 66.7,
    sets: [
      [15.2, 96.7],
      [30.4, 93.1],
      [38.9, 89.9],
      [57.9, 83.6],
    ],
    average: [35.5, 90.8],
  },
  {
    method: "CoOp",
    score: "MCM",
    accuracy: 71.7,
    sets: [
      [28.0, 94.4],
      [37.0, 92.3],
      [43.0, 89.7],
      [39.3, 91.2],
    ],
    average: [36.8, 91.9],
  },
  {
    method: "CoOp",
    score: "GL-MCM",
    accuracy: 71.7,
    sets: [
      [14.6, 96.6],
      [28.5, 92.7],
      [36.5, 90.0],
      [43.1, 88.0],
    ],
    average: [30.7, 91.8],
  },
  {
    method: "LoCoOp",
    score: "MCM",
    accuracy: 71.5,
    sets: [
      [23.1, 95.5],
      [32.7, 93.4],
      [39.9, 90.6],
      [40.2, 91.3],
    ],
    average: [34.0, 92.7],
  },
  {
    method: "LoCoOp",
    score: "GL-MCM",
    accuracy: 71.5,
    sets: [
      [16.1, 96.9],
      [23.4, 95.1],
      [32.9, 92.0],
      [42.3, 90.2],
    ],
    average: [28.7, 93.5],
  },
  {
    method: "GalLoP",
    score: "GL-MCM",
    accuracy: 75.1,
    sets: [
      [13.7, 97.1],
      [24.9, 94.0],
      [32.5, 91.3],
      [38.4, 90.4],
    ],
    average: [27.3, 93.2],
  },
];

/** Whether the runs were measured on the paper's benchmark, in full: only then do published figures mean anything beside them. */
export function isPaperBenchmark({ methods, classNames }: Pick<ReportData, "methods" | "classNames">): boolean {
  const scored = methods.flatMap((run) => Object.values(run.scores));
  return (
    classNames.length === 1000 &&
    classNames[0] === "tench" &&
    scored.length > 0 &&
    scored.every(
      ({ id, ood }) =>
        id.length === 50_000 && Object.entries(PAPER_SETS).every(([set, pictures]) => ood[set]?.length === pictures),
    )
  );
}

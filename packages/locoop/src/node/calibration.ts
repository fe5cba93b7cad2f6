import { relative, resolve } from "node:path";
import { readImage } from "@locoop/clip/node";
import type { Item } from "@locoop/datasets";
import { listPictures } from "@locoop/datasets";
import { thinOut } from "./data.js";
import { sha256OfText } from "./files.js";
import type { RunConfig } from "./run-folder.js";
import type { CalibrationSet } from "./train-run.js";

interface CalibrationOptions {
  /** A folder of pictures, instead of those that the draw left over. */
  readonly calibration?: string;
  readonly calibrationLimit?: number;
  readonly shots: readonly Item[];
  readonly rest: readonly Item[];
  readonly signal?: AbortSignal;
}

/** The pictures for the threshold: of the folder, else left over, else the shots. At least one of them can be read. */
export async function calibrationSet(options: CalibrationOptions): Promise<CalibrationSet> {
  const set = await chooseSet(options);
  // The shots have been read already.
  if (set.origin !== "shots") await ensureReadable(set, options.signal);
  return set;
}

async function chooseSet({
  calibration,
  calibrationLimit = 5000,
  shots,
  rest,
}: CalibrationOptions): Promise<CalibrationSet> {
  if (calibration !== undefined) {
    const trained = new Set(shots.map(({ path }) => path));
    const paths = (await listPictures(calibration)).map(({ path }) => path).filter((path) => !trained.has(path));
    if (paths.length === 0)
      throw new Error(
        `calibration: every picture of ${calibration} is a training shot; give a folder of other pictures`,
      );
    return { origin: "folder", source: resolve(calibration), paths: thinOut(paths, calibrationLimit) };
  }
  if (rest.length > 0)
    return {
      origin: "left-over",
      source: "the pictures that the draw left over",
      paths: thinOut(rest, calibrationLimit).map(({ path }) => path),
    };
  return { origin: "shots", source: "the training shots", paths: shots.map(({ path }) => path) };
}

/** Decodes pictures until one can be: a threshold that cannot be set is known before the training. */
async function ensureReadable({ paths, source }: CalibrationSet, signal?: AbortSignal): Promise<void> {
  for (const path of paths) {
    signal?.throwIfAborted();
    if (
      await readImage(path).then(
        () => true,
        () => false,
      )
    )
      return;
  }
  throw new Error(unreadableCalibration(paths.length, source));
}

/** What is said when no threshold can be set. */
export const unreadableCalibration = (pictures: number, source: string): string =>
  `calibration: none of the ${pictures} pictures of ${source} can be read; give another --calibration`;

/** What a run remembers of its calibration pictures: enough to notice that they are others. */
export function describeCalibration({ origin, source, paths }: CalibrationSet, root: string): RunConfig["calibration"] {
  const base = origin === "folder" ? source : root;
  const list = paths.map((path) => relative(base, path).replaceAll("\\", "/"));
  return { origin, sha256: sha256OfText(list.join("\n")) };
}

import { stat } from "node:fs/promises";
import { isAbsolute, relative } from "node:path";
import type { FileDetection } from "../node/detection.js";
import { UsageError } from "../node/errors.js";
import { notice, print, printJsonLine, terminalWidth } from "./output.js";
import { createProgress } from "./progress.js";
import { layOutVerdicts, verdictLine } from "./verdict-line.js";
import { watchPictures } from "./watch-pictures.js";

/** Pictures that are judged before the first is shown: a few of the model's chunks, so that a shown picture costs no time. */
export const BATCH = 64;

type JudgeThese = (paths: readonly string[], onProgress?: (done: number) => void) => Promise<FileDetection[]>;

/** Shows one verdict as it comes. */
export type ShowVerdict = (found: FileDetection) => void;

/** A line for a reader. */
export function showText(
  paths: readonly string[],
  classNames: readonly string[],
  score: { score: string; threshold: number },
): ShowVerdict {
  // Short where it lies below the folder that the command was called in.
  const shown = (path: string): string => {
    const short = relative("", path);
    return short.startsWith("..") || isAbsolute(short) ? path : short;
  };
  let layout = layOutVerdicts(paths.map(shown), classNames, score);
  return (found) => {
    const path = shown(found.path);
    const { pathWidth } = layOutVerdicts([path], [], score); // of watched pictures only those that came are known
    if (pathWidth > layout.pathWidth) layout = { ...layout, pathWidth };
    for (const line of verdictLine({ ...found, path }, { ...layout, columns: terminalWidth() })) print(...line);
  };
}

/** A line for a program, which says all that it needs. */
export function showJsonLine(scoreName: string, threshold: number): ShowVerdict {
  return (found) => printJsonLine(found.error === undefined ? { ...found, scoreName, threshold } : found);
}

/** Judges a list of pictures; each verdict is shown once its batch is judged. */
export async function judgeListed(
  paths: readonly string[],
  { judgeThese, show, batch }: { judgeThese: JudgeThese; show?: ShowVerdict; batch: number },
): Promise<FileDetection[]> {
  const progress = createProgress({ label: "detect", total: paths.length });
  const found: FileDetection[] = [];
  try {
    const size = show ? batch : paths.length;
    for (let first = 0; first < paths.length; first += size) {
      const judged = await judgeThese(paths.slice(first, first + size), (done) => progress.update(first + done));
      found.push(...judged);
      if (show) judged.forEach(show);
    }
  } finally {
    progress.end();
  }
  return found;
}

/** What `--watch` is given must be folders. */
export async function requireFolders(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const kind = await stat(path).catch(() => undefined);
    if (!kind) throw new UsageError(`--watch: no such folder: ${path}; check the path`);
    if (!kind.isDirectory())
      throw new UsageError(`--watch: ${path} is a file; name the folder that pictures come into`);
  }
}

/** Judges pictures as they come into folders until the signal ends it, which is no failure. */
export async function judgeWatched(
  folders: readonly string[],
  { judgeThese, show, signal }: { judgeThese: JudgeThese; show: ShowVerdict; signal: AbortSignal },
): Promise<void> {
  notice(`watching ${folders.join(", ")}; Ctrl-C ends it`);
  const count = { pictures: 0, none: 0, unreadable: 0 };
  try {
    for await (const paths of watchPictures({ folders, signal })) {
      for (let first = 0; first < paths.length; first += BATCH)
        for (const found of await judgeThese(paths.slice(first, first + BATCH))) {
          show(found);
          count.pictures++;
          if (found.error !== undefined) count.unreadable++;
          else if (!found.isId) count.none++;
        }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  notice(
    `watched: ${count.pictures} ${count.pictures === 1 ? "picture" : "pictures"}, ${count.none} none of the classes, ${count.unreadable} unreadable`,
  );
}

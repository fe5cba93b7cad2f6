import { relative } from "node:path";
import { writeWhole } from "./files.js";
import type { ScoredPicture } from "./scoring.js";

const cell = (text: string): string =>
  /[",\r\n]/.test(text) || text.trim() !== text ? `"${text.replaceAll('"', '""')}"` : text;

/**
 * Writes one set's scores: a line per picture with `path,label,prediction,confidence` and a column per score, higher = more
 * in-distribution; labels and predictions are class indices, empty for pictures without a class; numbers in full precision.
 */
export async function writeScores(
  path: string,
  {
    root,
    pictures,
    labels,
    method,
    scores,
  }: {
    root: string;
    pictures: readonly ScoredPicture[];
    labels?: readonly number[];
    method: number;
    scores: readonly string[];
  },
): Promise<void> {
  const lines = [["path", "label", "prediction", "confidence", ...scores].map(cell).join(",")];
  pictures.forEach((picture, i) => {
    const judged = picture.judgements[method];
    if (!judged) return;
    const place = relative(root, picture.path).replaceAll("\\", "/");
    lines.push([cell(place), labels?.[i] ?? "", judged.prediction, judged.confidence, ...judged.scores].join(","));
  });
  await writeWhole(path, `${lines.join("\n")}\n`);
}

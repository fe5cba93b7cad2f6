// Our side of the rows that need no tower.
import { createHash } from "node:crypto";
import { createTokenizer, resizeShortSide, type Floats, type RgbImage } from "@locoop/clip";
import { merges } from "@locoop/clip/merges";
import { readImage } from "@locoop/clip/node";
import { evaluate } from "@locoop/ood-metrics";
import { timed } from "../timed.js";

/** AUROC, AUPR and FPR95 by the paper's conventions. */
export async function measureScores(tensors: ReadonlyMap<string, Floats>) {
  const [id, ood] = [tensors.get("scores.id")!.data, tensors.get("scores.ood")!.data];
  const { result, time } = await timed(() => evaluate(id, { ood }).average);
  const { auroc, aupr, fpr95 } = result;
  return { ...time, measures: [auroc, aupr, fpr95] };
}

let known: ReturnType<typeof createTokenizer> | undefined;

/** Token ids of texts, padded to 77; `fresh` takes a new tokenizer, made outside of the time. */
export async function tokenizeNames({ names, fresh }: { names: readonly string[]; fresh: boolean }) {
  const tokenizer = fresh ? createTokenizer({ merges }) : (known ??= createTokenizer({ merges }));
  known ??= tokenizer;
  const { result: rows, time } = await timed(() => names.map((name) => tokenizer.tokenize(name)));
  return { ...time, values: rows.flatMap((row) => [...row]) };
}

const decoded = new Map<string, RgbImage>();

/** Resizes decoded pictures in this thread: the short side to `size`. */
export async function resizePictures({ paths, size }: { paths: readonly string[]; size: number }) {
  for (const path of paths) if (!decoded.has(path)) decoded.set(path, await readImage(path));
  const pictures = paths.map((path) => decoded.get(path)!);
  const { result: results, time } = await timed(() => pictures.map((picture) => resizeShortSide(picture, size)));
  return { ...time, checksums: results.map(({ data }) => createHash("sha256").update(data).digest("hex")) };
}

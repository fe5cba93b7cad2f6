import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** One set's scores, as `writeScores` wrote them. */
export interface ScoreTable {
  readonly paths: readonly string[];
  /** -1 where a picture has no class. */
  readonly labels: Int32Array;
  readonly predictions: Int32Array;
  /** By score name, in the order of the columns. */
  readonly scores: ReadonlyMap<string, Float64Array>;
}

/** Cells of CSV text, quoted ones too, line by line. */
function cellsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, comma, line, quoted, plain] of text.matchAll(/(,)|(\r?\n)|"((?:[^"]|"")*)"|([^,\r\n"]+)/g)) {
    const row = rows.at(-1)!;
    if (row.length === 0) row.push("");
    if (comma !== undefined) row.push("");
    else if (line !== undefined) rows.push([]);
    else row[row.length - 1] = quoted?.replaceAll('""', '"') ?? plain ?? "";
  }
  return rows.filter((row) => row.some((cell) => cell !== ""));
}

/**
 * Reads a set's scores back.
 *
 * @throws if the file is missing or is no such table
 */
export async function readScores(path: string, root: string): Promise<ScoreTable> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`report: cannot read ${path} (${error.code ?? "unreadable"}); evaluate the run anew`, {
      cause: error,
    });
  });
  const [head = [], ...rows] = cellsOf(text);
  const wrong = (line: number, what: string): Error =>
    new Error(`report: ${path}, line ${line}: ${what}; it was damaged or changed: evaluate the run anew`);
  if (head.slice(0, 4).join() !== "path,label,prediction,confidence" || head.length < 5)
    throw wrong(1, "expected the columns path,label,prediction,confidence and the scores");
  const names = head.slice(4);
  const values = names.map(() => new Float64Array(rows.length));
  const [labels, predictions] = [new Int32Array(rows.length), new Int32Array(rows.length)];
  rows.forEach((row, i) => {
    if (row.length !== head.length) throw wrong(i + 2, `expected ${head.length} cells, found ${row.length}`);
    const numbers = row.slice(4).map((cell) => (cell === "" ? NaN : Number(cell)));
    const bad = numbers.findIndex(Number.isNaN);
    if (bad >= 0) throw wrong(i + 2, `the score ${names[bad]} is no number`);
    labels[i] = row[1] === "" ? -1 : Number(row[1]);
    predictions[i] = Number(row[2]);
    numbers.forEach((value, s) => (values[s]![i] = value));
  });
  return {
    paths: rows.map(([place]) => join(root, place!)),
    labels,
    predictions,
    scores: new Map(names.map((name, s) => [name, values[s]!])),
  };
}

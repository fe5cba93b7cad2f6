import { readFile } from "node:fs/promises";
import type { RunClass } from "./run-folder.js";

/**
 * The classes that a file lists, in its order: CoOp's `classnames.txt` ("n01440764 tench": folder and name), plain names one a line,
 * or the `classnames.json` of a run.
 */
export async function readClassList(path: string): Promise<RunClass[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `class names: cannot read ${path} (${error.code ?? "unreadable"}); expected a file with one name a line`,
    );
  });
  if (/^\uFEFF?\s*\[/.test(text)) return readJsonList(path, text);
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trim().replace(/\s+/g, " "))
    .filter(Boolean);
  if (lines.length === 0) throw new Error(`class names: ${path} is empty; expected one name a line`);
  const nets = lines.map((line) => /^(n\d{8}) (.+)$/.exec(line));
  return nets.every((found) => found !== null)
    ? nets.map((found) => ({ folder: found[1]!, name: found[2]! }))
    : lines.map((line) => ({ folder: line, name: line }));
}

function readJsonList(path: string, text: string): RunClass[] {
  let list: unknown;
  try {
    list = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    list = undefined;
  }
  const isText = (value: unknown): value is string => typeof value === "string" && value.trim() !== "";
  const classes = Array.isArray(list)
    ? list.map((entry: unknown): RunClass | undefined => {
        if (isText(entry)) return { name: entry, folder: entry };
        const { name, folder = name } = (entry ?? {}) as { name?: unknown; folder?: unknown };
        return isText(name) && isText(folder) ? { name, folder } : undefined;
      })
    : [];
  if (classes.length === 0 || classes.includes(undefined))
    throw new Error(`class names: expected a list of names in ${path}, as in a run's classnames.json; it was damaged`);
  return classes as RunClass[];
}

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The files under a folder that pass, of at most `largest` bytes, in the order of their names. */
export function readSeeds(
  folder: string,
  { accepts = () => true, largest = 300_000 }: { accepts?: (path: string) => boolean; largest?: number } = {},
): Uint8Array[] {
  return list(folder)
    .filter((path) => accepts(path) && statSync(path).size <= largest)
    .map((path) => Uint8Array.from(readFileSync(path)));
}

function list(folder: string): string[] {
  try {
    if (/\/(dist|node_modules)$/.test(folder)) return [];
    return readdirSync(folder, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => (entry.isDirectory() ? list(join(folder, entry.name)) : [join(folder, entry.name)]));
  } catch {
    return [];
  }
}

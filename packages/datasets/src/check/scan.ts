import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { reasonOf } from "../errors.js";
import { isPicture } from "../listing.js";

/** What lies below a folder, by what becomes of it. Paths are absolute, lists sorted; nothing is opened. */
export interface Scan {
  /** Pictures with the folder of the first level that holds them (`""`: none does). */
  readonly pictures: Array<{ readonly path: string; readonly top: string }>;
  /** Folders of the first level. */
  readonly folders: string[];
  /** Folders of the second level, by those of the first. */
  readonly inner: Map<string, string[]>;
  /** `._name`, `.DS_Store`, `Thumbs.db`, `__MACOSX`: left by a desktop, no pictures. */
  readonly litter: string[];
  readonly archives: string[];
  /** Files that are neither, by their ending. */
  readonly others: Map<string, string[]>;
  /** Links back up, which are not followed. */
  readonly loops: string[];
  /** Links to nowhere and folders that cannot be listed, with the reason. */
  readonly broken: Array<{ readonly path: string; readonly reason: string }>;
}

const litterName = /^(?:\._.*|\.DS_Store|Thumbs\.db|desktop\.ini|__MACOSX)$/i;
const archiveName = /\.(?:tar|tgz|zip|7z|rar|gz|bz2|xz)$/i;

export const isArchive = (name: string): boolean => archiveName.test(name);

/**
 * Lists everything at any depth below a folder, links followed, each folder once on its way down, so that a link to a folder above ends the way.
 * Lists what can be listed: a folder that cannot is in `broken`.
 */
export async function scanFolder(
  root: string,
  { signal, onFound }: { signal?: AbortSignal; onFound?: (pictures: number) => void } = {},
): Promise<Scan> {
  const scan: Scan = {
    pictures: [],
    folders: [],
    inner: new Map(),
    litter: [],
    archives: [],
    others: new Map(),
    loops: [],
    broken: [],
  };
  const addFile = (path: string, name: string, top: string): void => {
    if (isPicture(name)) scan.pictures.push({ path, top });
    else if (isArchive(name)) scan.archives.push(path);
    else {
      const ending = /\.[^.]{1,12}$/.exec(name)?.[0].toLowerCase() ?? "no ending";
      const list = scan.others.get(ending);
      if (list) list.push(path);
      else scan.others.set(ending, [path]);
    }
  };
  // A list of what is still to be visited, not recursion: depth costs nothing.
  const queue: Array<{ folder: string; depth: number; top: string; above: readonly string[] }> = [
    { folder: root, depth: 0, top: "", above: [] },
  ];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    signal?.throwIfAborted();
    const { folder, depth, top, above } = next;
    let entries;
    let real;
    try {
      real = await realpath(folder);
      if (above.includes(real)) {
        scan.loops.push(folder);
        continue;
      }
      entries = await readdir(folder, { withFileTypes: true });
    } catch (error) {
      scan.broken.push({ path: folder, reason: `the folder cannot be listed (${reasonOf(error)})` });
      continue;
    }
    const within = [...above, real];
    for (const entry of entries) {
      const { name } = entry;
      const path = join(folder, name);
      if (litterName.test(name)) scan.litter.push(path);
      if (name.startsWith(".") || /^(?:thumbs\.db|desktop\.ini)$/i.test(name)) continue;
      const kind = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
      if (kind === undefined) {
        const reason = "a link to nothing";
        if (isPicture(name)) addFile(path, name, top);
        else scan.broken.push({ path, reason });
      } else if (kind.isDirectory()) {
        if (depth === 0) scan.folders.push(name);
        if (depth === 1) (scan.inner.get(top) ?? scan.inner.set(top, []).get(top))?.push(name);
        queue.push({ folder: path, depth: depth + 1, top: depth === 0 ? name : top, above: within });
      } else if (kind.isFile()) addFile(path, name, top);
    }
    onFound?.(scan.pictures.length);
  }
  for (const list of [scan.pictures, scan.broken]) list.sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const list of [scan.folders, scan.litter, scan.archives, scan.loops, ...scan.others.values()]) list.sort();
  return scan;
}

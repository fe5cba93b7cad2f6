import { access, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { mapBounded } from "./bounded.js";
import { DatasetError } from "./errors.js";
import { listEntries } from "./listing.js";

/** What stands where a path should: lists may hold themselves, and JSON knows no bigint. */
function describePath(path: unknown): string {
  const isPlain = path === null || ["string", "number", "boolean"].includes(typeof path);
  return isPlain ? JSON.stringify(path) : `${typeof path === "object" ? "an" : "a"} ${typeof path}`;
}

/**
 * A path from elsewhere in its segments, whatever system it was written on; `.` and doubled slashes are dropped.
 * Throws `DatasetError` for what is no path, `..` and NUL.
 */
export function splitPath(path: unknown, where: string): string[] {
  if (typeof path !== "string" || path === "") {
    throw new DatasetError(`expected the path of a picture at ${where}, got ${describePath(path)}`);
  }
  // The longest that Linux takes; a file of a few bytes must not make work of its own.
  if (path.length > 4096) {
    throw new DatasetError(`expected a path of at most 4096 characters at ${where}, got one of ${path.length}`);
  }
  const segments = path.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
  if (path.includes("\0") || segments.includes("..")) {
    throw new DatasetError(
      `expected a path without ".." and NUL at ${where}, got ${JSON.stringify(path)}: such a path is refused; correct the file`,
    );
  }
  return segments;
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Those of many paths that are not there. Folders are listed once, which is much faster than to ask for each of a million pictures;
 * only what a listing leaves open (another case, a link) is asked for.
 */
export async function findAbsent(paths: readonly string[]): Promise<string[]> {
  const byFolder = new Map<string, string[]>();
  for (const path of paths) {
    const folder = dirname(path);
    const list = byFolder.get(folder);
    if (list) list.push(path);
    else byFolder.set(folder, [path]);
  }
  const open = await mapBounded([...byFolder], async ([folder, inside]) => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
    const alike = new Set(entries.map(({ name }) => asAnyCase(name)));
    const others = inside.filter((path) => !files.has(basename(path)));
    const unsure = others.filter((path) => alike.has(asAnyCase(basename(path))));
    const there = new Set(await filterThere(unsure));
    return others.filter((path) => !there.has(path));
  });
  return open.flat();
}

/** What some file systems take for the same name. */
const asAnyCase = (name: string): string => name.normalize("NFC").toLowerCase();

async function filterThere(paths: readonly string[]): Promise<string[]> {
  const there = await mapBounded(paths, isThere);
  return paths.filter((_, i) => there[i]);
}

/** Some of a list, evenly spread, the ends among them. */
function sampleEvenly<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, (_, i) => list[Math.round((i * (list.length - 1)) / (count - 1))] as T);
}

/** How many leading segments all paths share; the last segment of a path, its file, never counts. */
function commonLength(paths: ReadonlyArray<readonly string[]>): number {
  const first = paths[0] ?? [];
  let length = Math.max(0, first.length - 1);
  for (const path of paths) {
    length = Math.min(length, path.length - 1);
    for (let i = 0; i < length; i++) if (path[i] !== first[i]) length = i;
  }
  return length;
}

const PROBES = 48;

/**
 * How many leading segments of the author's paths stand for `root` on this machine: those of `prefix`, or the fewest by which the pictures
 * are there (the longest end of the paths that exists). Probes some of the pictures; whoever uses the paths checks them all.
 * Throws `DatasetError` when none is there, when two numbers lead to different files that are all there, or when a path does not begin with `prefix`.
 */
export async function findPrefix(
  paths: ReadonlyArray<readonly string[]>,
  { root, file, prefix, probe }: { root: string; file: string; prefix: readonly string[] | undefined; probe: boolean },
): Promise<number> {
  if (prefix !== undefined) {
    const other = paths.find((path) => path.length <= prefix.length || prefix.some((part, i) => part !== path[i]));
    if (other === undefined) return prefix.length;
    throw new DatasetError(
      `expected every path of ${file} to begin with the prefix ${prefix.join("/")}, got ${other.join("/")}: name the folder that all paths share`,
    );
  }
  if (!probe || paths.length === 0) return 0;
  const common = commonLength(paths);
  const some = sampleEvenly(paths, PROBES);
  const found = await Promise.all(
    Array.from({ length: common + 1 }, async (_, strip) => {
      const there = await mapBounded(some, (path) => isThere(join(root, ...path.slice(strip))));
      return some.filter((_path, i) => there[i]);
    }),
  );
  const most = Math.max(...found.map((list) => list.length));
  if (most === 0) throw new DatasetError(await describeAbsence(some, { root, file, common }));
  const best = found.flatMap((list, strip) => (list.length === most ? [strip] : []));
  const places = new Map<string, string>();
  for (const strip of best) {
    const path = join(root, ...(found[strip]?.[0] ?? []).slice(strip));
    places.set(await realpath(path), path);
  }
  if (places.size > 1) {
    const [one, two] = places.values();
    throw new DatasetError(
      `expected one place below ${root} for the pictures of ${file}, found two (${one} and ${two}): say which by the author's folder that is ${root} here (prefix)`,
    );
  }
  return best[0] ?? 0;
}

/** Why nothing was found, with the folder one or two levels deeper that holds the first picture, if there is one. */
async function describeAbsence(
  paths: ReadonlyArray<readonly string[]>,
  { root, file, common }: { root: string; file: string; common: number },
): Promise<string> {
  const path = paths[0] ?? [];
  const what = `expected the pictures of ${file} below ${root}, found none by any end of their paths (first: ${path.join("/")})`;
  const below = await foldersBelow(root);
  for (const folder of below) {
    for (let strip = 0; strip <= common; strip++) {
      if (await isThere(join(folder, ...path.slice(strip))))
        return `${what}: they lie below ${folder}; name that folder`;
    }
  }
  return `${what}: name the folder that holds them, or the author's folder that it stands for (prefix)`;
}

/** Folders one and two levels down; few of each, for a hint. */
async function foldersBelow(root: string): Promise<string[]> {
  const list = async (folder: string): Promise<string[]> =>
    (await listEntries(folder).catch(() => ({ folders: [] }))).folders.slice(0, 50).map((name) => join(folder, name));
  const first = await list(root);
  return [...first, ...(await Promise.all(first.map(list))).flat()];
}

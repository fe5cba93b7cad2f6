import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mapBounded } from "../bounded.js";

/** SHA-256 of a file, read as a stream; undefined where it cannot be read. */
async function digest(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const part of createReadStream(path, { signal })) hash.update(part as Uint8Array);
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
  return hash.digest("base64");
}

/**
 * Groups of files with the same bytes. Only files that agree in `key` (size and both ends) are read in full.
 * Groups and the files in them come in the order of the list.
 */
export async function findDuplicates<T extends { readonly path: string; readonly key: string }>(
  files: readonly T[],
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
): Promise<T[][]> {
  const byKey = groupBy(files, ({ key }) => key);
  const suspects = byKey.flat();
  let done = 0;
  const digests = await mapBounded(
    suspects,
    async ({ path }) => {
      signal?.throwIfAborted();
      const result = await digest(path, signal);
      onProgress?.(++done, suspects.length);
      return result;
    },
    4,
  );
  const known = suspects.flatMap((file, i) => (digests[i] === undefined ? [] : [{ file, sha256: digests[i] }]));
  return groupBy(known, ({ sha256 }) => sha256).map((group) => group.map(({ file }) => file));
}

/** Groups of at least two with the same key. */
function groupBy<T>(list: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T | T[]>();
  for (const item of list) {
    const key = keyOf(item);
    if (key === "") continue;
    const group = groups.get(key);
    // Most files are alone: no list is made for them.
    if (group === undefined) groups.set(key, item);
    else if (Array.isArray(group)) group.push(item);
    else groups.set(key, [group, item]);
  }
  return [...groups.values()].filter((group): group is T[] => Array.isArray(group));
}

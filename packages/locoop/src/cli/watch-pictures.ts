import { type FSWatcher, watch } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pictureExtensions } from "@locoop/datasets";

const SETTLED_MS = 400;

/**
 * Pictures below folders: first those that are there, then those that come or change, as they are written completely: when size and
 * time of change stay the same over a pause. Waits for what the system says of the folders, and looks only then. Ends with the signal.
 *
 * @throws Error when one of the folders is gone or cannot be watched
 */
export async function* watchPictures({
  folders,
  signal,
  pause = () => delay(SETTLED_MS, undefined, { signal }).catch(() => {}),
}: {
  folders: readonly string[];
  signal: AbortSignal;
  pause?: () => Promise<unknown>;
}): AsyncGenerator<string[], void, undefined> {
  const watched = new Map<string, FSWatcher>();
  const touched = new Set<string>(folders);
  const pending = new Map<string, string>();
  const given = new Map<string, string>();
  let wake = (): void => {};
  const touch = (path: string): void => {
    touched.add(path);
    wake();
  };

  // Watched before it is listed: nothing falls between.
  const visit = async (folder: string): Promise<string[]> => {
    const real = await realpath(folder);
    if (!watched.has(real))
      watched.set(
        real,
        watchFolder(folder, touch, () => watched.delete(real)),
      );
    const entries = await readdir(folder, { withFileTypes: true });
    const paths = entries.filter(({ name }) => !name.startsWith(".")).map(({ name }) => join(folder, name));
    const kinds = await Promise.all(
      paths.map(async (path) => (await stat(path).catch(() => undefined))?.isDirectory()),
    );
    const below: string[] = [];
    for (const [i, path] of paths.entries()) {
      if (!kinds[i]) below.push(path);
      else if (!watched.has(await realpath(path))) below.push(...(await visit(path))); // a link that leads back is left
    }
    return below;
  };

  const look = async (): Promise<string[]> => {
    for (const folder of folders)
      if (!(await stat(folder).catch(() => undefined))?.isDirectory())
        throw new Error(`--watch: the folder ${folder} is gone; name one that stays`);
    const paths = new Set<string>();
    const looked = [...touched];
    touched.clear(); // what is touched from now on is looked at again
    for (const path of looked) {
      const isFolder = (await stat(path).catch(() => undefined))?.isDirectory();
      // A folder may be gone again before it is listed.
      for (const found of isFolder ? await visit(path).catch(ignoreAbsent) : [path]) paths.add(found);
    }
    const ready: string[] = [];
    for (const path of paths) {
      if (!pictureExtensions.includes(extname(path).toLowerCase())) continue;
      const found = await stat(path).catch(() => undefined);
      if (!found) {
        pending.delete(path);
        given.delete(path);
        continue;
      }
      const stamp = `${found.size} ${found.mtimeMs}`;
      if (given.get(path) === stamp) continue;
      if (pending.get(path) === stamp) {
        pending.delete(path);
        given.set(path, stamp);
        ready.push(path);
      } else {
        pending.set(path, stamp);
        touched.add(path);
      }
    }
    return ready.sort();
  };

  const stop = (): void => wake();
  signal.addEventListener("abort", stop);
  try {
    for (let first = true; !signal.aborted; first = false) {
      if (touched.size === 0) await new Promise<void>((resolve) => (wake = resolve));
      if (!first) await pause();
      if (signal.aborted) return;
      const ready = await look();
      if (ready.length > 0) yield ready;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    for (const watcher of watched.values()) watcher.close();
  }
}

function ignoreAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
  throw error;
}

function watchFolder(folder: string, touch: (path: string) => void, onEnd: () => void): FSWatcher {
  try {
    const watcher = watch(folder, (_, name) => {
      if (name === null) touch(folder);
      else if (!name.startsWith(".")) touch(join(folder, name));
    });
    return watcher.on("error", () => {
      watcher.close();
      onEnd();
      touch(folder);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOSPC")
      throw new Error(`--watch: the system watches no more folders, at ${folder}; raise fs.inotify.max_user_watches`, {
        cause: error,
      });
    throw error;
  }
}

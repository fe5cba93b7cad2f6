import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";

const owner = (): string => `${hostname().replace(/[^\w.]/g, "_")}-${process.pid}`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Removes what killed processes of this machine left beside the folder. */
async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  const host = `${prefix}${owner().replace(/-\d+$/, "-")}`;
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(host) ? /^(\d+)-/.exec(name.slice(host.length))?.[1] : undefined;
    if (pid !== undefined && Number(pid) !== process.pid && !isAlive(Number(pid))) {
      await rm(path.join(parent, name), { recursive: true, force: true });
    }
  }
}

/** What the folder holds, an absent one nothing. */
export async function listFolder(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    if (code === "ENOTDIR")
      throw new Error(`expected a folder or nothing at ${dir}, found a file: choose another place`, { cause: error });
    throw error;
  }
}

/**
 * Fills a folder beside `dir` and renames it, so that `dir` is there whole or not at all. If another process was faster,
 * `dir` is left as that one made it.
 */
export async function writeWholeFolder(dir: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const target = path.resolve(dir);
  const parent = path.dirname(target);
  const prefix = `.${path.basename(target)}.partial-`;
  await mkdir(parent, { recursive: true });
  await removeLeftovers(parent, prefix);
  const temporary = path.join(parent, `${prefix}${owner()}-${randomUUID().slice(0, 8)}`);
  await mkdir(temporary);
  try {
    await fill(temporary);
    if ((await listFolder(target)).length === 0) await rmdir(target).catch(() => undefined);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}

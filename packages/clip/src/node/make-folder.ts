import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes a folder and those above it that are missing. Not `mkdir` with `recursive`, which hangs below /proc in some versions of Node. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const found =
      (error as NodeJS.ErrnoException).code === "EEXIST" ? await stat(path).catch(() => undefined) : undefined;
    if (!found?.isDirectory()) throw error;
  }
}

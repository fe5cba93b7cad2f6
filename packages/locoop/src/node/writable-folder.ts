import { randomBytes } from "node:crypto";
import { mkdir, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/**
 * Stops with one clear line unless files can be written into the folder `path`, which need not be there yet; `what` names it in
 * the errors. Tried by making folders and removing them: permissions alone do not tell for root or a read-only place. Not
 * `mkdir` with `recursive`, which hangs below /proc in some versions of Node.
 */
export async function ensureWritableFolder(path: string, what: string): Promise<void> {
  const target = resolve(path);
  const missing: string[] = [];
  let place = target;
  let found = await look(place);
  while (found === "nothing" && dirname(place) !== place) {
    missing.unshift(place);
    place = dirname(place);
    found = await look(place);
  }
  if (found === "file")
    throw new Error(
      place === target
        ? `${what}: expected a folder, but ${target} is a file; choose another place`
        : `${what}: cannot make the folder ${target}: ${place} is a file; choose another place`,
    );
  const tried = missing.length > 0 ? missing : [join(target, `.locoop-${randomBytes(6).toString("hex")}`)];
  const made: string[] = [];
  try {
    for (const folder of tried) {
      try {
        await mkdir(folder);
        made.unshift(folder);
      } catch (error) {
        // Made by somebody else meanwhile: as good. A link to nowhere is not.
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || (await look(folder)) !== "folder") throw error;
      }
    }
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new Error(`${what}: cannot write to ${target} (${reason}); choose another place`, { cause: error });
  } finally {
    for (const folder of made) await rmdir(folder).catch(() => {});
  }
}

async function look(path: string): Promise<"folder" | "file" | "nothing"> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? "nothing" : found.isDirectory() ? "folder" : "file";
}

import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Writes a file whole or not at all: a temporary neighbour, flushed to disk, then renamed over the target. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

// As `writeWhole` names them.
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/;

/** Removes what `writeWhole` left in a folder when a process was killed in it: files last written before this process began. */
export async function removeLeftovers(folder: string): Promise<void> {
  const begun = Date.now() - process.uptime() * 1000;
  for (const name of await readdir(folder).catch(() => [])) {
    if (!TEMPORARY.test(name)) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && found.mtimeMs < begun) await rm(path, { force: true });
  }
}

/** Writes a value as indented JSON, whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Reads a JSON file; `what` names it in the errors. */
export async function readJson<T>(path: string, what: string): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`${what}: cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? "unreadable"})`, {
      cause: error,
    });
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new Error(`${what}: ${path} is not JSON; it was damaged or written by something else`);
  }
}

/** Reads what a file held; an error names the file. */
export function inFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether something exists at a path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Stops with one clear line unless `path` is a folder. */
export async function ensureFolder(path: string, what: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new Error(`${what}: no such folder: ${path}; check the path`);
  if (!found.isDirectory()) throw new Error(`${what}: expected a folder, but ${path} is a file`);
}

/** Stops with one clear line unless `path` is a file. */
export async function ensureFile(path: string, what: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new Error(`${what}: no such file: ${path}; check the path`);
  if (!found.isFile()) throw new Error(`${what}: expected a file, but ${path} is a folder`);
}

/** SHA-256 of one file's bytes, as hexadecimal, read as a stream. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  return hash.digest("hex");
}

/** SHA-256 of a text, as hexadecimal. */
export function sha256OfText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

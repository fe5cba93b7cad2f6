import { open, readFile, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";

/** What a part of a download belongs to, and by what the server tells whether the file is still the same. */
export interface PartNote {
  readonly url: string;
  /** The checksum that the whole file must have, if known. */
  readonly checksum?: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Bytes of the whole file, as the server said. */
  readonly total?: number;
}

/** The bytes of a download that have arrived: `<path>.part`, with a note in `<path>.part.json`. */
export interface PartFile {
  readonly path: string;
  readonly size: number;
  readonly note: PartNote | undefined;
  /** Starts at zero, with another note. */
  begin(note: PartNote): Promise<void>;
  append(bytes: Uint8Array): Promise<void>;
  /** Flushes, and gives the file its final name. */
  finish(): Promise<void>;
  discard(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the part of a download to `target`, or begins one. Only the holder of the target's lock may. */
export async function openPart(target: string): Promise<PartFile> {
  const path = `${target}.part`;
  const notePath = `${path}.json`;
  const handle: FileHandle = await open(path, "a");
  let closed = false;
  let { size } = await handle.stat();
  let note = await readNote(notePath);
  const close = async (): Promise<void> => {
    if (!closed) await handle.close();
    closed = true;
  };
  return {
    path,
    get size() {
      return size;
    },
    get note() {
      return note;
    },
    async begin(next) {
      await rm(notePath, { force: true }); // never a note beside bytes that are another's
      if (size > 0) await handle.truncate(0);
      size = 0;
      note = undefined;
      await writeFile(notePath, JSON.stringify(next));
      note = next;
    },
    async append(bytes) {
      let done = 0;
      while (done < bytes.length) done += (await handle.write(bytes, done)).bytesWritten;
      size += bytes.length;
    },
    async finish() {
      await handle.sync();
      await close();
      await rename(path, target);
      await rm(notePath, { force: true });
    },
    async discard() {
      await close();
      await rm(path, { force: true });
      await rm(notePath, { force: true });
    },
    async close() {
      await close();
      // Nothing arrived: nothing to keep.
      if ((await stat(path).catch(() => undefined))?.size !== 0) return;
      await rm(path, { force: true });
      await rm(notePath, { force: true });
    },
  };
}

async function readNote(path: string): Promise<PartNote | undefined> {
  try {
    const note = JSON.parse(await readFile(path, "utf8")) as PartNote | null;
    return typeof note?.url === "string" ? note : undefined;
  } catch {
    return undefined;
  }
}

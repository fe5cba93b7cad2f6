import { open } from "node:fs/promises";
import { checkRange, type ByteSource } from "../weights/byte-source.js";

const largestRead = 2 ** 30; // Node reads less than 2 GiB at once

/**
 * Opens a file of any size as a source; the caller closes it. Throws the system's error where it cannot be opened.
 *
 * @example
 * ```ts
 * import { openFileSource } from "@locoop/clip/node";
 *
 * const file = await openFileSource("package.json");
 * console.log(String.fromCharCode(...(await file.read(0, 1)))); // → {
 * await file.close();
 * ```
 */
export async function openFileSource(path: string): Promise<
  ByteSource & {
    /** Closes the file. */
    close(): Promise<void>;
  }
> {
  const handle = await open(path, "r");
  const { size } = await handle.stat();
  return {
    name: path,
    size,
    async read(begin, length) {
      checkRange({ name: path, size }, begin, length);
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(bytes, done, Math.min(largestRead, length - done), begin + done);
        if (bytesRead === 0) throw new Error(`${path}: became shorter while it was read; try again`);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

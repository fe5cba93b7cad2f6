/** A file that is read by ranges, so that it is never in memory as a whole. */
export interface ByteSource {
  /** What messages call it: a path, or a file's name. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `begin` on, a copy of its own; throws outside the file, and where the file became shorter. */
  read(begin: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** What is used of a browser's (or Node's) Blob or File. */
export interface BlobLike {
  readonly size: number;
  readonly name?: string;
  /** Bytes `begin` to `end`, not read yet. */
  slice(
    begin: number,
    end: number,
  ): {
    /** Reads them. */
    arrayBuffer(): Promise<ArrayBuffer>;
  };
}

/**
 * A Blob, or a File that a user picked, as a source; only ranges asked for are read.
 *
 * @example
 * ```ts
 * import { blobSource } from "@locoop/clip";
 *
 * const source = blobSource(new Blob(["abcdef"]));
 * console.log(source.size, (await source.read(2, 2)).join()); // → 6 99,100
 * ```
 */
export function blobSource(blob: BlobLike, { name = blob.name ?? "blob" }: { name?: string } = {}): ByteSource {
  const { size } = blob;
  return {
    name,
    size,
    async read(begin, length) {
      checkRange({ name, size }, begin, length);
      const bytes = new Uint8Array(await blob.slice(begin, begin + length).arrayBuffer());
      if (bytes.length !== length) throw new Error(`${name}: became shorter while it was read; try again`);
      return bytes;
    },
  };
}

/**
 * Bytes in memory as a source.
 *
 * @example
 * ```ts
 * import { bytesSource } from "@locoop/clip";
 *
 * console.log((await bytesSource(Uint8Array.of(1, 2, 3)).read(1, 2)).join()); // → 2,3
 * ```
 */
export function bytesSource(bytes: Uint8Array, { name = "bytes" }: { name?: string } = {}): ByteSource {
  const size = bytes.byteLength;
  return {
    name,
    size,
    async read(begin, length) {
      checkRange({ name, size }, begin, length);
      return new Uint8Array(bytes.subarray(begin, begin + length));
    },
  };
}

/** Throws unless the range lies in the file: a claimed length is checked before memory is taken for it. */
export function checkRange({ name, size }: Pick<ByteSource, "name" | "size">, begin: number, length: number): void {
  if (
    Number.isSafeInteger(begin) &&
    Number.isSafeInteger(length) &&
    begin >= 0 &&
    length >= 0 &&
    begin + length <= size
  )
    return;
  throw new Error(`${name}: damaged or cut short: bytes ${begin} to ${begin + length} are asked for, it has ${size}`);
}

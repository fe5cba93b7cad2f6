import type { FileEntry } from "@zip.js/zip.js";
import type { ByteSource } from "./byte-source.js";
import type { Budget } from "./limits.js";
import { isPrintable, printable } from "./printable.js";

/** What an archive's directory says about one entry, checked against the file. */
export interface ZipEntry {
  readonly name: string;
  /** In bytes, unpacked. */
  readonly size: number;
  /** Whether it lies in the file as it is, so that parts of it can be read. */
  readonly stored: boolean;
}

/** An archive that is read by range. */
export interface Zip {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Gives a whole entry in chunks and checks its CRC-32 at the end. */
  stream(name: string, onChunk: (bytes: Uint8Array, position: number) => void): Promise<void>;
  /** Whether `stream` has checked the entry's CRC-32. */
  isVerified(name: string): boolean;
  /** Part of a stored entry that `stream` has checked. */
  readRange(name: string, begin: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

const entryCost = 2000; // what zip.js keeps of an entry, estimated
const nameCost = 200; // what is kept of an entry that is not needed
const localHeader = 30;
const stored = 0;
const deflated = 8;
const mostExpansion = 1032; // of deflate

/**
 * Opens a zip archive, zip64 too, and checks its directory: no encryption, no name twice, no entries outside the file or over
 * each other, no sizes that cannot be. Only entries that `wanted` names are kept and can be read. Throws one line.
 */
export async function openZip(
  source: ByteSource,
  { budget, most, wanted }: { budget: Budget; most: number; wanted: (name: string) => boolean },
): Promise<Zip> {
  const zip = await import("@zip.js/zip.js/lib/zip-core-native.js");
  const reader = Object.assign(new zip.Reader(undefined), {
    size: source.size,
    readUint8Array(begin: number, length: number) {
      const from = Math.min(begin, source.size);
      return source.read(from, Math.max(0, Math.min(length, source.size - from)));
    },
  });
  const options = { useWebWorkers: false, checkSignature: true };
  const zipReader = new zip.ZipReader(reader, options);
  const kept = new Map<string, FileEntry>();
  const entries = new Map<string, ZipEntry>();
  const spans: { name: string; begin: number; end: number }[] = [];
  const names = new Set<string>();
  let name = "";
  const fail = (why: string): Error => new Error(`${source.name}: ${name && `${printable(name)}: `}${why}`);
  try {
    for await (const entry of zipReader.getEntriesGenerator()) {
      name = entry.filename;
      if (names.size >= most) throw fail(`the archive has more than ${most} entries: refused`);
      budget.hold(wanted(name) ? entryCost : nameCost, "the directory of the archive");
      if (!isPrintable(name)) throw fail("has control characters in its name: refused");
      if (names.has(name)) throw fail("is in the archive twice: refused; get the file from its author again");
      names.add(name);
      spans.push(checkEntry(entry, { size: source.size, fail }));
      if (entry.directory || !wanted(name)) continue;
      if (entry.compressionMethod !== stored && entry.compressionMethod !== deflated) {
        throw fail(`is packed by method ${entry.compressionMethod}, stored and deflated are read; pack the file again`);
      }
      kept.set(name, entry);
      entries.set(name, { name, size: entry.uncompressedSize, stored: entry.compressionMethod === stored });
    }
  } catch (error) {
    throw explain(error, { source: source.name, entry: name });
  }
  checkOverlaps(spans, source.name);

  const positions = new Map<string, number>();
  return {
    entries,
    isVerified: (wantedName) => positions.has(wantedName),
    async stream(entryName, onChunk) {
      const entry = kept.get(entryName);
      if (!entry) throw new Error(`${source.name}: ${entryName}: is not in the archive`);
      let position = 0;
      const sink = new WritableStream<Uint8Array>({
        write(chunk) {
          onChunk(chunk, position);
          position += chunk.length;
        },
      });
      try {
        await entry.getData(sink, options);
      } catch (error) {
        throw explain(error, { source: source.name, entry: entryName });
      }
      const at = entry.localDirectory?.dataOffset;
      if (at === undefined || position !== entry.uncompressedSize) {
        throw new Error(`${source.name}: ${entryName}: holds ${position} bytes, ${entry.uncompressedSize} are claimed`);
      }
      positions.set(entryName, at);
    },
    async readRange(entryName, begin, length) {
      const at = positions.get(entryName);
      const entry = entries.get(entryName);
      if (at === undefined || !entry?.stored || begin < 0 || begin + length > entry.size) {
        throw new Error(`${source.name}: ${entryName}: bytes ${begin} to ${begin + length} cannot be read`);
      }
      return await source.read(at + begin, length);
    },
  };
}

function checkEntry(
  entry: {
    filename: string;
    offset: number;
    compressedSize: number;
    uncompressedSize: number;
    compressionMethod: number;
    encrypted: boolean;
    rawFilename: Uint8Array;
  },
  { size, fail }: { size: number; fail: (why: string) => Error },
): { name: string; begin: number; end: number } {
  const { filename, offset, compressedSize, uncompressedSize, compressionMethod } = entry;
  if (entry.encrypted) throw fail("is encrypted: refused; ask the author for a plain file");
  const end = offset + localHeader + entry.rawFilename.length + compressedSize;
  if (!(offset >= 0) || !(end <= size)) {
    throw fail(`lies at bytes ${offset} to ${end}, the file has ${size}: damaged or cut short; get the file again`);
  }
  const possible =
    compressionMethod === stored
      ? uncompressedSize === compressedSize
      : uncompressedSize <= mostExpansion * compressedSize;
  if (!possible) {
    throw fail(`claims ${uncompressedSize} bytes, ${compressedSize} are stored: damaged; get the file again`);
  }
  return { name: filename, begin: offset, end };
}

/** Entries that share bytes make a small file unpack to a large one. */
function checkOverlaps(spans: { name: string; begin: number; end: number }[], file: string): void {
  spans.sort((a, b) => a.begin - b.begin);
  for (const [i, span] of spans.entries()) {
    const next = spans[i + 1];
    if (next && next.begin < span.end) {
      throw new Error(
        `${file}: ${printable(next.name)}: lies over ${printable(span.name)} in the archive: refused; get the file from its author again`,
      );
    }
  }
}

/** What zip.js says, with the file, the entry and what to do; other errors are passed on. */
function explain(error: unknown, { source, entry }: { source: string; entry: string }): Error {
  if (!(error instanceof Error)) return new Error(`${source}: ${String(error)}`);
  if (error.message.startsWith(`${source}: `)) return error;
  const unsafe = "filename" in error ? String(error.filename) : undefined;
  if (unsafe !== undefined)
    return new Error(`${source}: ${printable(unsafe)}: a name outside the archive: refused`, { cause: error });
  const where = entry && `${printable(entry)}: `;
  return new Error(`${source}: ${where}damaged or cut short (${error.message}); get the file again`, { cause: error });
}

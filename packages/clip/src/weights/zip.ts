import type { FileEntry } from "@zip.js/zip.js";
import type { ByteSource } from "./byte-source.js";
import type { Budget } from "./limits.js";
import { isPrintable, printable } from "./printable.js";
import { streamStored, type StoredEntry } from "./zip-stored.js";

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
  /** Whether `stream` has checked the CRC-32 of a stored entry. */
  isVerified(name: string): boolean;
  /** Part of a stored entry that `stream` has checked. */
  readRange(name: string, begin: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

// Estimates of what is kept in memory: zip.js's own entry where it unpacks, else what is needed to read it, or its name.
const packedCost = 7000;
const storedCost = 500;
const nameCost = 200;
const localHeader = 30;
const largestDirectory = 2 ** 26;
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
      if (Math.min(length, source.size - begin) > largestDirectory) {
        throw new Error(
          `${source.name}: the directory of the archive has ${length} bytes, at most ${largestDirectory} are read: refused`,
        );
      }
      const from = Math.min(begin, source.size);
      return source.read(from, Math.max(0, Math.min(length, source.size - from)));
    },
  });
  const options = { useWebWorkers: false, checkSignature: true };
  const zipReader = new zip.ZipReader(reader, options);
  const packedEntries = new Map<string, FileEntry>();
  const storedEntries = new Map<string, StoredEntry>();
  const entries = new Map<string, ZipEntry>();
  const spans: { name: string; begin: number; end: number }[] = [];
  const names = new Set<string>();
  let name = "";
  const fail = (why: string): Error => new Error(`${source.name}: ${name && `${printable(name)}: `}${why}`);
  try {
    for await (const entry of zipReader.getEntriesGenerator()) {
      name = entry.filename;
      if (names.size >= most) throw fail(`the archive has more than ${most} entries: refused`);
      const isWanted = wanted(name) && !entry.directory;
      const isStored = entry.compressionMethod === stored;
      const taken = isWanted ? (isStored ? storedCost : packedCost) : nameCost;
      budget.hold(taken, "the directory of the archive");
      if (!isPrintable(name)) throw fail("has control characters in its name: refused");
      if (names.has(name)) throw fail("is in the archive twice: refused; get the file from its author again");
      names.add(name);
      spans.push(checkEntry(entry, { size: source.size, fail }));
      if (!isWanted) continue;
      if (!isStored && entry.compressionMethod !== deflated) {
        throw fail(`is packed by method ${entry.compressionMethod}, stored and deflated are read; pack the file again`);
      }
      const { offset, uncompressedSize: size, crc32: crc = 0 } = entry;
      if (isStored) storedEntries.set(name, { name, offset, size, crc, limit: source.size });
      else packedEntries.set(name, entry);
      entries.set(name, { name, size, stored: isStored });
    }
  } catch (error) {
    throw explain(error, { source: source.name, entry: name });
  }
  for (const [begin, next] of checkOverlaps(spans, source.name)) {
    const entry = storedEntries.get(begin);
    if (entry) entry.limit = next;
  }

  const positions = new Map<string, number>();
  return {
    entries,
    isVerified: (wantedName) => positions.has(wantedName),
    async stream(entryName, onChunk) {
      const entry = storedEntries.get(entryName);
      const packed = packedEntries.get(entryName);
      try {
        if (entry) positions.set(entryName, await streamStored(source, entry, onChunk));
        else if (packed) await streamPacked(packed, onChunk, options);
        else throw new Error(`${source.name}: ${printable(entryName)}: is not in the archive`);
      } catch (error) {
        throw explain(error, { source: source.name, entry: entryName });
      }
    },
    async readRange(entryName, begin, length) {
      const at = positions.get(entryName);
      const entry = entries.get(entryName);
      if (at === undefined || !entry || begin < 0 || begin + length > entry.size) {
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

async function streamPacked(
  entry: FileEntry,
  onChunk: (bytes: Uint8Array, position: number) => void,
  options: { useWebWorkers: boolean; checkSignature: boolean },
): Promise<void> {
  let position = 0;
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      onChunk(chunk, position);
      position += chunk.length;
    },
  });
  await entry.getData(sink, options);
  if (position !== entry.uncompressedSize) {
    throw new Error(`it holds ${position} bytes, ${entry.uncompressedSize} are claimed`);
  }
}

/** Entries that share bytes make a small file unpack to a large one. Returns where the next one begins after each. */
function checkOverlaps(spans: { name: string; begin: number; end: number }[], file: string): [string, number][] {
  spans.sort((a, b) => a.begin - b.begin);
  return spans.flatMap(({ name, end }, i): [string, number][] => {
    const next = spans[i + 1];
    if (!next) return [];
    if (next.begin >= end) return [[name, next.begin]];
    throw new Error(
      `${file}: ${printable(next.name)}: lies over ${printable(name)} in the archive: refused; get the file from its author again`,
    );
  });
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

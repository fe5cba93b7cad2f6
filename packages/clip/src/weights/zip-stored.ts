import type { ByteSource } from "./byte-source.js";
import { crc32 } from "./crc32.js";

/** What the directory says about a stored entry, in as little memory as goes: a model has thousands of them. */
export interface StoredEntry {
  readonly name: string;
  /** Where its local header begins. */
  readonly offset: number;
  readonly size: number;
  readonly crc: number;
  /** Where the next entry begins, or the file ends. */
  limit: number;
}

const headerBytes = 30;
const chunkBytes = 2 ** 17;

/**
 * Gives a stored entry in chunks, from the file as it is, and checks its CRC-32 at the end; returns where its data begins. Throws the reason alone.
 * The local header must agree with the directory in name and method, and the data must end before the next entry begins.
 */
export async function streamStored(
  source: ByteSource,
  { name, offset, size, crc, limit }: StoredEntry,
  onChunk: (bytes: Uint8Array, position: number) => void,
): Promise<number> {
  const header = new DataView((await source.read(offset, headerBytes)).buffer);
  const nameBytes = header.getUint16(26, true);
  const begin = offset + headerBytes + nameBytes + header.getUint16(28, true);
  const wrong =
    header.getUint32(0, true) !== 0x04034b50
      ? "no entry begins where the directory says"
      : (header.getUint16(6, true) & 1) !== 0 || header.getUint16(8, true) !== 0
        ? "its own header says that it is packed or encrypted"
        : begin + size > limit && "it runs into the next entry, or out of the file";
  if (wrong) throw new Error(wrong);
  const label = new TextDecoder().decode(await source.read(offset + headerBytes, nameBytes));
  if (label !== name) throw new Error("its own header has another name");
  let got = 0;
  for (let position = 0; position < size; position += chunkBytes) {
    const chunk = await source.read(begin + position, Math.min(chunkBytes, size - position));
    got = crc32(chunk, got);
    onChunk(chunk, position);
  }
  if (got !== crc) throw new Error("its CRC-32 does not match");
  return begin;
}

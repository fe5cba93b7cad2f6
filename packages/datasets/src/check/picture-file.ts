import { open } from "node:fs/promises";
import { reasonOf } from "../errors.js";

/** What the first and last bytes of a file say. */
export interface FileFacts {
  readonly size: number;
  /** Equal for files of the same bytes: size and the bytes at both ends. */
  readonly key: string;
  /** Why the file is no picture that can be read, if so. */
  readonly bad?: string;
  /** What is doubtful about it. */
  readonly doubt?: string;
}

const END = 256;

const starts = (bytes: Buffer, text: string, at = 0): boolean =>
  bytes.toString("latin1", at, at + text.length) === text;

/** The format by the first bytes, or why it is none that can be read. */
function formatOf(head: Buffer): { format: string } | { bad: string } {
  if (starts(head, "\xff\xd8\xff")) return { format: "jpeg" };
  if (starts(head, "\x89PNG\r\n\x1a\n")) return { format: "png" };
  if (starts(head, "GIF87a") || starts(head, "GIF89a")) return { format: "gif" };
  if (starts(head, "RIFF") && starts(head, "WEBP", 8)) return { format: "webp" };
  if (/^(?:II[*+]\0|MM\0[*+])/.test(head.toString("latin1", 0, 4))) return { format: "tiff" };
  if (starts(head, "ftyp", 4) && /avi[fs]|mif1|miaf/.test(head.toString("latin1", 8, 64))) return { format: "avif" };
  if (starts(head, "BM")) return { bad: "a BMP picture, which is not read; save it as PNG" };
  if (starts(head, "ftyphei", 4)) return { bad: "a HEIC picture, which is not read; save it as JPEG" };
  if (starts(head, "version https://git-lfs"))
    return { bad: "a pointer of Git LFS; fetch the file itself (git lfs pull)" };
  if (/^\s*<(?:!doctype|html|\?xml|svg)/i.test(head.toString("latin1"))) {
    return { bad: "a page of a web site or an SVG, no picture; download it again" };
  }
  if (head.every((byte) => byte === 0)) return { bad: "nothing but zeros at its beginning; copy or download it again" };
  return { bad: "no picture by its first bytes; download it again or remove it" };
}

/** Reads both ends of a file: a few hundred bytes, whatever its size. Never throws: what goes wrong is `bad`. */
export async function readFacts(path: string): Promise<FileFacts> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size === 0) return { size, key: "", bad: "the file is empty; download it again or remove it" };
      const head = Buffer.alloc(Math.min(size, END));
      const tail = Buffer.alloc(Math.min(size, END));
      await file.read(head, 0, head.length, 0);
      await file.read(tail, 0, tail.length, size - tail.length);
      const format = formatOf(head);
      const key = `${size}:${hash(head)}${hash(tail)}`;
      if ("bad" in format) return { size, key, bad: format.bad };
      const end = tail.toString("latin1");
      const cut =
        (format.format === "jpeg" && !end.includes("\xff\xd9")) || (format.format === "png" && !end.includes("IEND"));
      return cut ? { size, key, doubt: "no mark at its end" } : { size, key };
    } finally {
      await file.close();
    }
  } catch (error) {
    const reason = reasonOf(error);
    return { size: 0, key: "", bad: reason === "ENOENT" ? "a link to nothing" : `the system says ${reason}` };
  }
}

/** A short name for bytes: files of the same one are compared in full. FNV-1a, twice 32 bits. */
function hash(bytes: Buffer): string {
  let a = 0x811c9dc5;
  let b = 0x01234567;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x85ebca6b) ^ (b >>> 13);
  }
  return `${(a >>> 0).toString(36)}.${(b >>> 0).toString(36)}.`;
}

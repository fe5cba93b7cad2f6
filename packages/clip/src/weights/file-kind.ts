import type { ByteSource } from "./byte-source.js";

/** What a file is by its first bytes: one of the two that hold weights, or a sentence on what it is and what to do. */
export type FileKind = { readonly kind: "safetensors" | "zip" } | { readonly kind: "other"; readonly advice: string };

const startSize = 512;
const expected = "expected safetensors or a PyTorch file (.pt, .pth, .bin)";
const convert = "convert it to safetensors, or use the model's safetensors or PyTorch file";

interface Signature {
  readonly bytes: readonly number[];
  readonly at?: number;
  readonly what: string;
  readonly advice: string;
}

const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
const unpack = "unpack it and use the weights inside";
const picture = "this is where a CLIP's weights belong";

const signatures: readonly Signature[] = [
  { bytes: [0x1f, 0x8b], what: "compressed with gzip", advice: unpack },
  { bytes: ascii("BZh"), what: "compressed with bzip2", advice: unpack },
  { bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: "compressed with xz", advice: unpack },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], what: "compressed with zstd", advice: unpack },
  { bytes: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], what: "a 7z archive", advice: unpack },
  { bytes: ascii("Rar!"), what: "a RAR archive", advice: unpack },
  { bytes: ascii("ustar"), at: 257, what: "a tar archive", advice: unpack },
  { bytes: [0x89, ...ascii("HDF")], what: "an HDF5 file of Keras or TensorFlow", advice: convert },
  { bytes: ascii("TFL3"), at: 4, what: "a TensorFlow Lite model", advice: convert },
  { bytes: ascii("GGUF"), what: "a GGUF model of llama.cpp or clip.cpp", advice: convert },
  { bytes: ascii("ggml"), what: "a GGML model", advice: convert },
  { bytes: ascii("lmgg"), what: "a GGML model", advice: convert },
  { bytes: [0x93, ...ascii("NUMPY")], what: "a NumPy array (.npy), one tensor without a name", advice: convert },
  { bytes: [0x89, ...ascii("PNG")], what: "a PNG picture", advice: picture },
  { bytes: [0xff, 0xd8, 0xff], what: "a JPEG picture", advice: picture },
  { bytes: ascii("%PDF"), what: "a PDF", advice: picture },
];

/** Tells what a file is by its content; its name plays no part. Reads its first bytes only. */
export async function detectFileKind(source: ByteSource): Promise<FileKind> {
  const start = await source.read(0, Math.min(startSize, source.size));
  const found = looksLikeSafetensors(start) ? "safetensors" : startsWith(start, [0x50, 0x4b]) ? "zip" : undefined;
  const numpy = found === "zip" && /^[^\0]{1,200}\.npy/.test(latin1(start.subarray(30)));
  if (numpy) return other("a NumPy archive (.npz)", convert);
  return found ? { kind: found } : describe(start, source.size);
}

/** A length of which the upper half is zero, then the brace of a JSON object. */
function looksLikeSafetensors(start: Uint8Array): boolean {
  return start.length > 8 && start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0);
}

function describe(start: Uint8Array, size: number): FileKind {
  if (size === 0) return { kind: "other", advice: "the file is empty; download or copy it again" };
  const signature = signatures.find(({ bytes, at = 0 }) => startsWith(start.subarray(at), bytes));
  if (signature) return other(signature.what, signature.advice);
  if (start.every((byte) => byte === 0))
    return other("nothing but zeros at its start: an unfinished download", "download it again");
  if (startsWith(start, [0x80]) && (start[1] ?? 0) >= 1 && (start[1] ?? 0) <= 5) return describePickle(start);
  if (isMessagePack(start)) return other("a Flax model (.msgpack)", convert);
  if (isTextual(start)) return describeText(new TextDecoder().decode(start), size);
  if (isProtobuf(start)) return describeProtobuf(start);
  const bytes = Array.from(start.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return other(`of an unknown kind: its ${size} bytes begin with ${bytes}`, expected);
}

const other = (what: string, advice: string): FileKind => ({ kind: "other", advice: `the file is ${what}; ${advice}` });

/** The legacy format of `torch.save` begins with a pickle of one magic number, `TorchScript` of long ago too. */
function describePickle(start: Uint8Array): FileKind {
  const magic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]; // 0x1950a86a20f9469cfc6c
  if (indexOf(start.subarray(0, 32), magic) >= 0) {
    return other(
      "a PyTorch file in the format from before version 1.6, a plain pickle, which is not read",
      "load and save it again with a newer PyTorch, or ask its author for safetensors",
    );
  }
  return other("a Python pickle and no PyTorch archive", "save the weights as safetensors");
}

function describeText(text: string, size: number): FileKind {
  const trimmed = text.replace(/^\uFEFF/, "").trimStart();
  if (trimmed.startsWith("version https://git-lfs.github.com/spec/")) {
    const bytes = /^size (\d{1,15})$/m.exec(trimmed)?.[1];
    const real = bytes === undefined ? "" : ` to the real one of ${bytes} bytes`;
    return other(
      `a Git LFS pointer${real}, not the weights`,
      "run `git lfs pull` in its repository, or download the file itself",
    );
  }
  if (/^(<!doctype html|<html|<head|<!--|<\?xml|<error|<body)/i.test(trimmed)) {
    return other(
      "a web page that was saved in place of the weights",
      "open the address in a browser (is a login or licence asked for?) and download the file itself",
    );
  }
  if (trimmed.startsWith("{")) {
    if (trimmed.includes('"weight_map"') || /"total_size"/.test(trimmed)) {
      return other(
        "the index of a model in several files",
        "give the folder that holds the index and all of its files",
      );
    }
    if (trimmed.includes('"modelTopology"') || trimmed.includes('"weightsManifest"'))
      return other("a model.json of TensorFlow.js", convert);
    return other(
      "JSON, such as a model's configuration, without weights",
      "give the weights' file or the model's folder",
    );
  }
  return other(`text (${size} bytes: "${excerpt(trimmed)}")`, expected);
}

function excerpt(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 40 ? `${line.slice(0, 40)}...` : line;
}

/** Printable ASCII, or UTF-8 without control characters; a character may be cut at the end. */
function isTextual(start: Uint8Array): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
    // oxlint-disable-next-line no-control-regex -- control characters are what tells bytes from text
    return !/[\u0000-\u0008\u000e-\u001f]/.test(text);
  } catch {
    return false;
  }
}

/** A map of at least one entry whose first key is a short text: as Flax writes its parameters. */
function isMessagePack(start: Uint8Array): boolean {
  const [first = 0] = start;
  const key = start[first === 0xde ? 3 : 1] ?? 0;
  return ((first > 0x80 && first < 0x90) || first === 0xde) && key >= 0xa1 && key < 0xc0;
}

/** Field 1 as a small number (a version), then a field of ONNX's or TensorFlow's model; or a node of a TensorFlow graph. */
function isProtobuf(start: Uint8Array): boolean {
  const [tag, version = 0, next = 0] = start;
  return (
    (tag === 0x08 && version > 0 && version < 32 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(next)) ||
    tag === 0x0a
  );
}

function describeProtobuf(start: Uint8Array): FileKind {
  const text = latin1(start);
  const tensorFlow = start[0] === 0x0a || start[1] === 1 || /tensorflow|Placeholder|saved_model/.test(text);
  return tensorFlow ? other("a model of TensorFlow (protobuf)", convert) : other("an ONNX model", convert);
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.length <= bytes.length && prefix.every((byte, i) => bytes[i] === byte);
}

function indexOf(bytes: Uint8Array, wanted: readonly number[]): number {
  for (let i = 0; i + wanted.length <= bytes.length; i++) if (startsWith(bytes.subarray(i), wanted)) return i;
  return -1;
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

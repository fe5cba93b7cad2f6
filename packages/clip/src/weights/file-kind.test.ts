import { deflateRawSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesSource } from "./byte-source.js";
import { openTensorFile } from "./tensor-file.js";
import { writeSafetensors } from "./safetensors.js";
import { writeZip } from "./torch-archive.test.kit.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const join = (...parts: (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => Array.from(part)));
const zeros = (length: number): Uint8Array => new Uint8Array(length);
const good = writeSafetensors({ a: { data: new Float32Array(4), shape: [2, 2] } });
const npz = writeZip([{ name: "arr_0.npy", data: text("\u0093NUMPY") }]);
const packed = writeZip([{ name: "weights.txt", data: text("none"), deflate: (data) => deflateRawSync(data) }]);
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 605143884\n`;

const refused: [string, Uint8Array, string][] = [
  ["nothing", zeros(0), "the file is empty; download or copy it again"],
  ["zeros", zeros(4096), "the file is nothing but zeros at its start: an unfinished download; download it again"],
  ["words", text("some words"), 'the file is text (10 bytes: "some words"); expected safetensors or a PyTorch file'],
  [
    "a pointer of Git LFS",
    text(pointer),
    "a Git LFS pointer to the real one of 605143884 bytes, not the weights; run `git lfs pull`",
  ],
  [
    "a web page",
    text("\n <!DOCTYPE html>\n<html><title>Sign in</title>"),
    "a web page that was saved in place of the weights",
  ],
  ["an error of a server", text('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), "a web page"],
  [
    "an index",
    text('{ "metadata": { "total_size": 5 }, "weight_map": {} }'),
    "the index of a model in several files; give the folder",
  ],
  [
    "a configuration",
    text('{\n  "architectures": ["CLIPModel"]\n}'),
    "JSON, such as a model's configuration, without weights",
  ],
  ["a model of TensorFlow.js", text('{"modelTopology": {}}'), "a model.json of TensorFlow.js"],
  ["gzip", gzipSync("weights"), "compressed with gzip; unpack it"],
  ["bzip2", text("BZh91AY&SY"), "compressed with bzip2"],
  ["xz", join([0xfd], text("7zXZ"), zeros(20)), "compressed with xz"],
  ["zstd", join([0x28, 0xb5, 0x2f, 0xfd], zeros(20)), "compressed with zstd"],
  ["7z", join(text("7z"), [0xbc, 0xaf, 0x27, 0x1c], zeros(20)), "a 7z archive"],
  ["tar", join(text("model/"), zeros(251), text("ustar"), zeros(250)), "a tar archive"],
  ["HDF5", join([0x89], text("HDF\r\n\u001a\n"), zeros(20)), "an HDF5 file of Keras or TensorFlow"],
  ["TensorFlow Lite", join([0x1c, 0, 0, 0], text("TFL3"), zeros(20)), "a TensorFlow Lite model"],
  [
    "a graph of TensorFlow",
    join([0x0a, 0x20, 0x0a, 5], text("image"), [0x12, 11], text("Placeholder"), zeros(9)),
    "a model of TensorFlow",
  ],
  ["a SavedModel", join([0x08, 0x01, 0x12, 0x80, 0x01], zeros(40)), "a model of TensorFlow"],
  [
    "ONNX",
    join([0x08, 0x08, 0x12, 0x07], text("pytorch"), [0x1a, 0x05], text("2.1.0"), zeros(20)),
    "an ONNX model; convert it",
  ],
  ["GGUF", join(text("GGUF"), [3, 0, 0, 0], zeros(20)), "a GGUF model"],
  ["Flax", join([0x82, 0xaa], text("text_model"), [0x83], zeros(20)), "a Flax model (.msgpack)"],
  ["NumPy", join([0x93], text("NUMPY"), [1, 0], zeros(20)), "a NumPy array (.npy)"],
  ["NumPy's archive", npz, "a NumPy archive (.npz)"],
  ["a zip of something else", packed, "no checkpoint of PyTorch"],
  ["a picture", join([0xff, 0xd8, 0xff, 0xe0], zeros(20)), "a JPEG picture"],
  [
    "an old PyTorch file",
    join([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e], zeros(20)),
    "from before version 1.6, a plain pickle, which is not read; load and save it again",
  ],
  ["a pickle", join([0x80, 4, 0x95], zeros(8), [0x7d, 0x94, 0x2e]), "a Python pickle and no PyTorch archive"],
  [
    "noise",
    Uint8Array.of(200, 1, 250, 3, 4, 5, 6, 7, 8),
    "of an unknown kind: its 9 bytes begin with c8 01 fa 03 04 05 06 07; expected safetensors or a PyTorch file",
  ],
  ["a header cut off", good.slice(0, 40), "cut short: it claims a header of"],
  ["tensors cut off", good.slice(0, good.length - 1), "damaged safetensors file: its tensors need"],
];

describe("openTensorFile", () => {
  it.each(refused)("%s: one line says what it is and what to do", async (_, bytes, message) => {
    const name = "models/clip.safetensors"; // a name that tells nothing
    const error = await openTensorFile(bytesSource(bytes, { name })).catch((thrown: unknown) => thrown as Error);
    expect(error).toBeInstanceOf(Error);
    const line = (error as Error).message;
    expect(line.startsWith(`${name}: `)).toBe(true);
    expect(line.lastIndexOf(name)).toBe(0);
    expect(line).toContain(message);
    expect(line).not.toContain("\n");
  });

  it("reads safetensors under any name, tensor by tensor", async () => {
    const ranges: [number, number][] = [];
    const source = bytesSource(
      writeSafetensors(
        { b: { data: Float32Array.of(1, 2), shape: [2] }, a: { data: Int32Array.of(3), shape: [] } },
        { k: "v" },
      ),
      { name: "model.pt" },
    );
    const file = await openTensorFile({
      ...source,
      read(begin, length) {
        ranges.push([begin, length]);
        return source.read(begin, length);
      },
    });
    expect(file.format).toBe("safetensors");
    expect(file.metadata).toEqual({ k: "v" });
    expect([...file.entries].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ["a", "I32", []],
      ["b", "F32", [2]],
    ]);
    ranges.length = 0;
    expect(await file.read("b")).toEqual({ data: Float32Array.of(1, 2), shape: [2] });
    expect(ranges).toEqual([[source.size - 8, 8]]); // what was asked for and nothing else
    await expect(file.read("c")).rejects.toThrow('model.pt: has no tensor "c"');
  });

  it("shows what a file says of itself as text, on one line and cut", async () => {
    const header = (name: string, dtype: string): Uint8Array => {
      const json = text(JSON.stringify({ [name]: { dtype, shape: [1], data_offsets: [0, 4] } }));
      return join([json.length & 255, json.length >> 8, 0, 0, 0, 0, 0, 0], json, zeros(4));
    };
    await expect(
      openTensorFile(bytesSource(header("a\u0000\u202e\n", "\u001b[31mred"), { name: "x" })),
    ).rejects.toThrow('x: tensor "a???" has the type ?[31mred, which is not read; convert it to F32, F16, BF16 or F64');
    await expect(
      openTensorFile(bytesSource(header("a".repeat(5000), "b".repeat(5000)), { name: "x" })),
    ).rejects.toThrow(`x: tensor "${"a".repeat(200)}..." has the type ${"b".repeat(200)}..., which is not read`);
  });

  it("gives tensors of their own memory: changing one changes no other reading", async () => {
    const file = await openTensorFile(bytesSource(good));
    (await file.read("a")).data.fill(7);
    expect([...(await file.read("a")).data]).toEqual([0, 0, 0, 0]);
  });

  it("ends on any bytes with a file or one line, and reads no more than its start of what is no weights", async () => {
    const starts = [...refused.map(([, bytes]) => bytes), good];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(starts.length - 1),
        fc.array(fc.tuple(fc.nat(600), fc.nat(255))),
        async (which, changes) => {
          const bytes = Uint8Array.from(starts[which]!);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const line = await openTensorFile(bytesSource(bytes, { name: "x" })).then(
            () => "",
            (error: unknown) => (error as Error).message,
          );
          expect(line === "" || line.startsWith("x: ")).toBe(true);
          expect(line).not.toMatch(/[\n\r\u2028]/);
        },
      ),
      { numRuns: 300 },
    );
  });
});

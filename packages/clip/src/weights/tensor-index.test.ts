import { describe, expect, it } from "vitest";
import { bytesSource } from "./byte-source.js";
import { writeSafetensors } from "./safetensors.js";
import { openTensorFile, type TensorFile } from "./tensor-file.js";
import { joinTensorFiles, parseTensorIndex } from "./tensor-index.js";

const indexOf = (map: unknown, metadata?: unknown): string => JSON.stringify({ metadata, weight_map: map });
const fileOf = (...names: string[]): Promise<TensorFile> =>
  openTensorFile(
    bytesSource(
      writeSafetensors(Object.fromEntries(names.map((name) => [name, { data: new Float32Array(2), shape: [2] }]))),
    ),
  );

describe("parseTensorIndex", () => {
  it("gives each tensor's file, and the files in order", () => {
    const index = parseTensorIndex(
      indexOf({ x: "model-00002-of-00002.safetensors", y: "model-00001-of-00002.safetensors" }, { total_size: 16 }),
    );
    expect(index.shards).toEqual(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]);
    expect(index.files.get("x")).toBe("model-00002-of-00002.safetensors");
    expect(index.totalSize).toBe(16);
    expect(parseTensorIndex(indexOf({ x: "a.bin" })).totalSize).toBeUndefined();
  });

  it.each([
    "../../etc/passwd",
    "/etc/passwd",
    "sub/model.safetensors",
    "..",
    ".",
    "",
    "a\\b.safetensors",
    "C:model",
    ".hidden",
    "a\u0000b",
    "a\nb",
    "x".repeat(300),
  ])("a file outside of its folder is refused: %j", (name) => {
    expect(() => parseTensorIndex(indexOf({ weight: name }))).toThrow(
      /^the index puts tensor "weight" into .*: refused; expected the name of a file in its folder$/,
    );
  });

  it.each<[string, string]>([
    ["{", "the index is not JSON"],
    ["[]", 'the index has no "weight_map"'],
    ["{}", 'the index has no "weight_map"'],
    [indexOf({}), 'the index has no "weight_map"'],
    [indexOf(["a"]), 'the index has no "weight_map"'],
    [indexOf({ a: 1 }), 'the index puts tensor "a" into 1'],
    [indexOf({ a: null }), 'the index puts tensor "a" into null'],
  ])("%s is refused", (text, message) => {
    expect(() => parseTensorIndex(text)).toThrow(message);
  });
});

describe("joinTensorFiles", () => {
  const index = (metadata?: unknown) => parseTensorIndex(indexOf({ x: "1.safetensors", y: "2.safetensors" }, metadata));

  it("reads each tensor from its file", async () => {
    const files = new Map([
      ["1.safetensors", await fileOf("x")],
      ["2.safetensors", await fileOf("y")],
    ]);
    const joined = joinTensorFiles(files, index({ total_size: 16 }));
    expect([...joined.entries.keys()]).toEqual(["x", "y"]);
    expect((await joined.read("y")).shape).toEqual([2]);
    await expect(joined.read("z")).rejects.toThrow('there is no tensor "z"');
  });

  it.each<[string, string[], string[], unknown, string]>([
    ["a tensor missing", ["x"], ["z"], undefined, 'tensor "z" is in 2.safetensors, the index does not name it'],
    [
      "a file without its tensor",
      ["x"],
      [],
      undefined,
      'the index puts tensor "y" into 2.safetensors, which does not hold it',
    ],
    [
      "tensors the other way round",
      ["y"],
      ["x"],
      undefined,
      'tensor "y" is in 1.safetensors, the index says 2.safetensors',
    ],
    [
      "a tensor twice",
      ["x"],
      ["x", "y"],
      undefined,
      'tensor "x" is in 1.safetensors and in 2.safetensors; expected it in one',
    ],
    [
      "another total",
      ["x"],
      ["y"],
      { total_size: 15 },
      "the index says 15 bytes of tensors, its files hold 16: the files are not of one model",
    ],
  ])("%s is refused", async (_, first, second, metadata, message) => {
    const files = new Map([
      ["1.safetensors", await fileOf(...first)],
      ["2.safetensors", await fileOf(...second)],
    ]);
    expect(() => joinTensorFiles(files, index(metadata))).toThrow(message);
  });
});

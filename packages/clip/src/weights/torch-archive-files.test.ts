import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeFloat16, encodeFloat16 } from "../float16.js";
import { bytesSource, type ByteSource } from "./byte-source.js";
import type { Pickled, TensorRef } from "./pickled.js";
import { readSafetensors } from "./safetensors.js";
import { stateDictOf } from "./state-dict.js";
import { openTorchArchive } from "./torch-archive.js";

const fixtures = new URL("../../fixtures/", import.meta.url);
const fixture = (path: string): Uint8Array => readFileSync(new URL(path, fixtures));
const named = (path: string): ByteSource => bytesSource(fixture(path), { name: path.split("/").at(-1) as string });

interface Expectation {
  file: string;
  ctx: string;
  epoch: number;
  state_dict?: Record<string, [string, number[]]>;
}
const { good, hostile } = JSON.parse(new TextDecoder().decode(fixture("checkpoint/checkpoint.json"))) as {
  good: Expectation[];
  hostile: { file: string; about: string }[];
};
/** Compares large arrays at once: element by element, the matcher is slow. */
function expectSame(name: string, got: ArrayBufferView | undefined, expected: ArrayBufferView | undefined): void {
  const bytes = (view: ArrayBufferView | undefined): Buffer =>
    view ? Buffer.from(view.buffer, view.byteOffset, view.byteLength) : Buffer.from("none");
  expect(bytes(got).equals(bytes(expected)), name).toBe(true);
}

const expectedContexts = readSafetensors(fixture("checkpoint/expected.safetensors")).tensors;

describe("published checkpoints", () => {
  it.each(good)("reads $file", async ({ file, ctx, epoch, state_dict: described }) => {
    const archive = await openTorchArchive(named(`checkpoint/${file}`));
    expect(archive.kind).toBe("torch.save");
    const root = archive.root as ReadonlyMap<string, Pickled>;
    expect(root.get("epoch")).toBe(epoch);
    const tensors = stateDictOf(archive);
    expect(await archive.readTensor(tensors.get("ctx") as TensorRef)).toEqual(expectedContexts.get(ctx));
    if (!described) return;
    const names = { F16: "float16", F32: "float32" } as Record<string, string>;
    expect(Object.fromEntries([...tensors].map(([name, { dtype, shape }]) => [name, [names[dtype], shape]]))).toEqual(
      described,
    );
    // The scheduler is an inert object that holds the optimiser's.
    const scheduler = root.get("scheduler") as ReadonlyMap<string, Pickled>;
    expect(scheduler.get("successor")).toMatchObject({
      kind: "object",
      global: "torch.optim.lr_scheduler.CosineAnnealingLR",
    });
  });

  it.each(["vit-tiny", "rn-tiny"])("reads OpenAI's archive of %s: float16 with float32 parts", async (model) => {
    const archive = await openTorchArchive(named(`${model}/openai.pt`));
    expect(archive.kind).toBe("torchscript");
    const tensors = stateDictOf(archive);
    const plain = readSafetensors(fixture(`${model}/open_clip_model.safetensors`)).tensors;
    const sizes = ["context_length", "input_resolution", "vocab_size"];
    expect([...tensors.keys()].filter((name) => !sizes.includes(name)).sort()).toEqual([...plain.keys()].sort());
    let halves = 0;
    for (const [name, expected] of plain) {
      const ref = tensors.get(name) as TensorRef;
      const { data, shape } = await archive.readTensor(ref);
      expect(shape.length === 0 ? [1] : shape).toEqual(expected.shape); // that file has its scalars as [1]
      if (ref.dtype === "F16") {
        halves++;
        expectSame(name, data, decodeFloat16(encodeFloat16(expected.data as Float32Array)));
      } else expectSame(name, data, expected.data);
    }
    expect(halves).toBeGreaterThan(10);
    const { data: resolution } = await archive.readTensor(tensors.get("input_resolution") as TensorRef);
    expect(resolution).toEqual(Int32Array.of(model === "vit-tiny" ? 32 : 96));
  });

  it("reads a plain state dict, equal to the safetensors of the model, within the memory and work allowed", async () => {
    const source = named("vit-tiny/state_dict.pt");
    const archive = await openTorchArchive(source);
    const plain = readSafetensors(fixture("vit-tiny/open_clip_model.safetensors")).tensors;
    const tensors = stateDictOf(archive);
    expect([...tensors.keys()].sort()).toEqual([...plain.keys()].sort());
    for (const [name, ref] of tensors) {
      expectSame(name, (await archive.readTensor(ref)).data, plain.get(name)?.data);
    }
    expect(archive.work.peakBytes).toBeLessThan(1.5 * source.size);
    expect(archive.work.bytesRead).toBeLessThan(1.5 * source.size);
  });
});

// What the fair part of a hostile file gives, or what the refusal says.
const verdicts: Record<string, RegExp | "fair" | "no ctx" | "NaN"> = {
  "os_system.pkl": /a bare pickle/,
  "os_system.pth.tar-50": /a pickle asks for posix\.system: refused; ask the author for safetensors/,
  "eval.pth.tar-50": /asks for builtins\.eval: refused/,
  "getattr.pth.tar-50": /asks for builtins\.getattr: refused/,
  "unknown_global.pth.tar-50": /asks for some_package\.Config: refused/,
  "unknown_global_as_ctx.pth.tar-50": /asks for some_package\.Config: refused/,
  "huge_storage.pth.tar-50": /claims 17592186044416 numbers of F32 in data\/0, the entry has 512 bytes/,
  "huge_shape.pth.tar-50": /has a tensor of \d+ bytes, \d+ are allowed/,
  "offset_out_of_range.pth.tar-50": /tensor in data\/0 that ends at 193 .* it has 128 numbers/,
  "negative_offset.pth.tar-50": /at the offset -4, which is not a position in it/,
  "stride_out_of_range.pth.tar-50": /that ends at 129 .*strides \[65,1\]/,
  "storage_shorter_than_claimed.pth.tar-50": /claims 128 numbers of F32 in data\/0, the entry has 508 bytes/,
  "missing_storage.pth.tar-50": /refers to data\/7, which the archive lacks/,
  "storage_key_traversal.pth.tar-50": /storage whose name is "\.\.\/\.\.\/\.\.\/etc\/hostname"/,
  "entry_traversal.pth.tar-50": /\.\.\/outside\.txt: a name outside the archive: refused/,
  "big_endian.pth.tar-50": /byteorder: says "big", only little-endian files are read/,
  "no_ctx.pth.tar-50": "no ctx",
  "not_a_dict.pth.tar-50": /holds a list; a state dict/,
  "proto_key.pth.tar-50": "fair",
  "nan_ctx.pth.tar-50": "NaN",
  "laughs.pth.tar-50": /unfolds to more than 1000000 parts/,
  "deep_nesting.pth.tar-50": /nests more than 1000 deep/,
  "memo_flood.pth.tar-50": /uses memo slot 1048581/,
  "long_claims.pth.tar-50": /uses the opcode 0x8b at byte 2/,
  "string_claims.pth.tar-50": /4294967295 bytes are claimed at byte 7, 3 are left/,
  "empty_pickle.pth.tar-50": /data\.pkl: the pickle is damaged or cut short/,
  "truncated.pth.tar-50": /damaged or cut short/,
  "truncated_tail.pth.tar-50": /damaged or cut short/,
  "size_too_large.pth.tar-50": /data\/0: lies at bytes 542 to 2147484236, the file has 1743/,
  "sizes_differ.pth.tar-50": /data\/0: claims 4096 bytes, 512 are stored/,
  "offset_lies.pth.tar-50": /data\/0: lies at bytes 1073741824/,
  "crc_wrong.pth.tar-50": /data\/0: damaged or cut short \(its CRC-32 does not match\)/,
  "legacy_not_zip.pth.tar-50": /older than 1\.6 as bare pickles, which are not read/,
  "not_a_checkpoint.pth.tar-50": /no checkpoint of PyTorch/,
  "zero_bytes.pth.tar-50": /is empty/,
};

describe("hostile checkpoints", () => {
  it("are all judged", () => {
    expect(Object.keys(verdicts).sort()).toEqual(hostile.map(({ file }) => file).sort());
  });

  it.each(hostile)("$file: $about", async ({ file }) => {
    const source = named(`checkpoint/hostile/${file}`);
    const read = async (): Promise<{ names: string[]; ctx?: ArrayLike<number> }> => {
      const archive = await openTorchArchive(source);
      const tensors = stateDictOf(archive);
      const ref = tensors.get("ctx");
      const ctx = ref && (await archive.readTensor(ref)).data;
      expect(archive.work.peakBytes).toBeLessThanOrEqual(4 * source.size + 2 ** 20);
      return { names: [...tensors.keys()], ...(ctx && { ctx }) };
    };
    const verdict = verdicts[file];
    if (verdict instanceof RegExp) {
      const error = await read().then(
        () => new Error("it was read"),
        (reason: unknown) => reason as Error,
      );
      expect(error.message).toMatch(verdict);
      expect(error.message).toMatch(new RegExp(`^${file.replaceAll(".", "\\.")}: .+$`)); // one line, the file first
    } else {
      const { names, ctx } = await read();
      if (verdict === "no ctx") expect(names).toEqual(["weight"]);
      else expect(ctx?.length).toBe(128);
      if (verdict === "NaN") expect(Array.from(ctx ?? []).some(Number.isNaN)).toBe(true);
      if (verdict === "fair") expect(names).toEqual(["__proto__", "constructor", "ctx"]);
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain("polluted");
  });
});

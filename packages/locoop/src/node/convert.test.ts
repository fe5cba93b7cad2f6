import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Floats, readSafetensors, writeSafetensors } from "@locoop/clip";
import { loadWeights } from "@locoop/clip/node";
import { tinyClipPaths } from "@locoop/tiny-clip";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { convertFile } from "./convert.js";
import { UsageError } from "./errors.js";
import { writeDasslCheckpoint } from "./published.test.kit.js";

const { weights } = tinyClipPaths();
const ctx: Floats = { data: Float32Array.from({ length: 12 }, (_, i) => (i - 5) / 3), shape: [3, 4] };
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-convert-"));
  await writeDasslCheckpoint(join(dir, "model.pth.tar-50"), ctx);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const read = async (name: string): Promise<ReturnType<typeof readSafetensors>> =>
  readSafetensors(await readFile(join(dir, name)));
/** Types as the header has them; its order is that of the bytes. */
const typesOf = async (name: string): Promise<Map<string, { dtype: string; data_offsets: [number, number] }>> => {
  const bytes = await readFile(join(dir, name));
  const header = bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE(0)));
  const { __metadata__: _, ...entries } = JSON.parse(header) as Record<string, never>;
  return new Map(Object.entries(entries));
};

// By bytes: an assertion on each of some millions of numbers takes minutes.
const bytesOf = ({ data }: Pick<Floats, "data">): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
const same = (a: unknown, b: Floats): boolean =>
  (a as Floats).shape.join() === b.shape.join() && bytesOf(a as Floats).equals(bytesOf(b));

describe("a prompt", () => {
  it("becomes the tensor ctx, with what is known of it", async () => {
    const input = join(dir, "model.pth.tar-50");
    const done = await convertFile({ input, output: join(dir, "ctx.safetensors"), position: "front" });
    expect(done).toMatchObject({ kind: "prompt", source: input, tensors: 1, notices: [] });
    const { tensors, metadata } = await read("ctx.safetensors");
    expect([...tensors]).toEqual([["ctx", ctx]]);
    expect(metadata).toMatchObject({
      format: "pt",
      content: "prompt",
      source: "model.pth.tar-50",
      "source-format": "torch.save, F32",
      epoch: "50",
      "class-specific": "false",
      position: "front",
    });
    expect(done.bytes).toBe((await readFile(join(dir, "ctx.safetensors"))).length);
  });

  it("in half precision is rounded, and says where the class name is not known", async () => {
    const { notices } = await convertFile({
      input: join(dir, "model.pth.tar-50"),
      output: join(dir, "half.safetensors"),
      half: true,
    });
    expect(notices).toEqual([expect.stringContaining("does not say where the class name stands")]);
    expect((await typesOf("half.safetensors")).get("ctx")!.dtype).toBe("F16");
    const { tensors, metadata } = await read("half.safetensors");
    expect(Math.abs((tensors.get("ctx")!.data[0] as number) + 5 / 3)).toBeLessThan(2 ** -11);
    expect(metadata["position"]).toBeUndefined();
  });
});

describe("the weights of a CLIP", () => {
  it("keep every number under OpenAI's names", async () => {
    const { kind } = await convertFile({ input: weights, output: join(dir, "clip.safetensors") });
    expect(kind).toBe("clip");
    const { tensors, metadata } = await read("clip.safetensors");
    const loaded = (await loadWeights(weights)).weights;
    expect([...tensors.keys()].sort()).toEqual([...loaded.keys()].sort());
    for (const [name, floats] of loaded) expect([name, same(tensors.get(name), floats)]).toEqual([name, true]);
    expect(metadata).toMatchObject({ content: "clip", format: "pt" });
  });

  it("in half precision are halved where OpenAI's files are, each at a multiple of its width", async () => {
    await convertFile({ input: weights, output: join(dir, "clip-half.safetensors"), half: true });
    const types = await typesOf("clip-half.safetensors");
    for (const [name, { dtype, data_offsets: offsets }] of types) {
      const full = /ln_|_embedding|logit_scale/.test(name);
      expect([name, dtype]).toEqual([name, full ? "F32" : "F16"]);
      expect(offsets[0] % (full ? 4 : 2)).toBe(0);
    }
    // These weights are halves already: nothing is lost.
    const { tensors } = await read("clip-half.safetensors");
    for (const [name, floats] of (await loadWeights(weights)).weights)
      expect([name, same(tensors.get(name), floats)]).toEqual([name, true]);
  });
});

describe("the output", () => {
  const input = (): string => join(dir, "model.pth.tar-50");

  it("is never written over unasked", async () => {
    const output = join(dir, "mine.safetensors");
    await writeFile(output, "mine");
    await expect(convertFile({ input: input(), output })).rejects.toThrow("exists; choose another name");
    expect(await readFile(output, "utf8")).toBe("mine");
    await convertFile({ input: input(), output, force: true });
    expect([...(await read("mine.safetensors")).tensors.keys()]).toEqual(["ctx"]);
  });

  it("is not the input, a folder, or of another ending", async () => {
    const itself = join(dir, "itself.safetensors");
    await writeFile(itself, writeSafetensors({ ctx }));
    const before = await readFile(itself);
    for (const [output, reason] of [
      [itself, "is the input itself"],
      [join(dir, "ctx.pt"), "ends in .safetensors"],
    ] as const) {
      const refused = convertFile({ input: itself, output, force: true });
      await expect(refused).rejects.toThrow(UsageError);
      await expect(refused).rejects.toThrow(reason);
    }
    expect(await readFile(itself)).toEqual(before);
  });

  it("is not there when something went wrong, and nothing else is left", async () => {
    const large = { data: Float32Array.of(1, 70_000), shape: [1, 2] };
    const path = join(dir, "large.safetensors");
    await writeFile(path, writeSafetensors({ ctx: large }));
    const refused = convertFile({ input: path, output: join(dir, "small.safetensors"), half: true });
    await expect(refused).rejects.toThrow('"ctx" holds 70000, half precision ends at 65504; convert without --half');
    const aborted = convertFile({
      input: input(),
      output: join(dir, "small.safetensors"),
      signal: AbortSignal.abort(new Error("interrupted")),
    });
    await expect(aborted).rejects.toThrow("interrupted");
    expect((await readdir(dir)).filter((name) => name.includes("small") || name.endsWith(".tmp"))).toEqual([]);
  });

  it("has a reason to be: neither prompt nor CLIP is refused", async () => {
    const path = join(dir, "other.safetensors");
    await writeFile(path, writeSafetensors({ weight: ctx }));
    await expect(convertFile({ input: path, output: join(dir, "o.safetensors") })).rejects.toThrow("not a CLIP's");
  });
});

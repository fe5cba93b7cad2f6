import { readFile } from "node:fs/promises";
import { type ByteSource, bytesSource, type Floats, writeSafetensors } from "@locoop/clip";
import { describe, expect, it } from "vitest";
import { readFloats, readJson } from "../fixtures/read.js";
import { writeCheckpoint } from "./checkpoint.js";
import { coop, readPublishedCheckpoint, restore } from "./index.js";
import { toyContext } from "./toy.js";

interface Listed {
  readonly file: string;
  readonly ctx: string;
  readonly epoch: number;
  readonly state_dict?: Record<string, [string, number[]]>;
}
const { good, hostile } = await readJson<{ good: Listed[]; hostile: { file: string; about: string }[] }>(
  "checkpoint/checkpoint.json",
);
const expected = await readFloats("checkpoint/expected.safetensors");

const folder = new URL("../fixtures/checkpoint/", import.meta.url);
async function open(file: string): Promise<ByteSource> {
  return bytesSource(await readFile(new URL(file, folder)), { name: file });
}

describe("checkpoints as Dassl saves them", () => {
  it.each(good)("$file gives its contexts exactly", async ({ file, ctx, epoch, state_dict: stored }) => {
    const read = await readPublishedCheckpoint(await open(file));
    const { data, shape } = expected.get(ctx)!;
    expect(read.contexts.shape).toEqual(shape);
    expect(read.contexts.data).toEqual(data);
    expect(read).toMatchObject({ classSpecific: shape.length === 3, epoch, format: "torch.save" });
    const types: Record<string, string> = { float32: "F32", float16: "F16" };
    if (stored) expect(read.dtype).toBe(types[stored["ctx"]![0]]);
    expect(read.position).toBeUndefined();
  });

  it.each(["fp16_shared", "fp32_csc"])("%s goes into a learner", async (name) => {
    const { checkpoint, contexts } = await readPublishedCheckpoint(
      await open(`${name}/prompt_learner/model.pth.tar-50`),
    );
    const classNames = ["goldfish", "shark", "tench", "parrot", "shirt"];
    const toy = toyContext({ classNames });
    const width = contexts.shape.at(-1)!;
    const embedTokens = (ids: ArrayLike<number>): Floats => ({
      data: new Float32Array(ids.length * width),
      shape: [ids.length, width],
    });
    const learner = coop.create(
      { ...toy, width, embedTokens, contextLength: 77 },
      { ...checkpoint.options, position: "front" },
    );
    restore(learner, checkpoint);
    expect(await learner.variables[0]!.data()).toEqual(contexts.data);
    learner.dispose();
  });
});

// What the fixtures' notes call a fair file, and its contexts are what torch reads; the others are refused for a reason that is theirs.
const fair = ["proto_key.pth.tar-50", "entry_traversal.pth.tar-50", "unknown_global.pth.tar-50"];
const reasons: Record<string, RegExp> = {
  "os_system.pkl": /pickle/,
  "os_system.pth.tar-50": /posix\.system|os\.system/,
  "eval.pth.tar-50": /eval/,
  "getattr.pth.tar-50": /getattr/,
  "unknown_global_as_ctx.pth.tar-50": /some_package\.\w+|ctx/,
  "huge_storage.pth.tar-50": /storage|bytes/,
  "missing_storage.pth.tar-50": /data\/7|storage "?7/,
  "big_endian.pth.tar-50": /big/,
  "no_ctx.pth.tar-50": /expected a learned prompt, with a tensor "ctx" in its state_dict, but/,
  "not_a_dict.pth.tar-50": /expected a learned prompt, .* but the file holds no dict/,
  "nan_ctx.pth.tar-50": /"ctx" holds NaN at \[\d+,\d+\]/,
  "deep_nesting.pth.tar-50": /deep/,
  "empty_pickle.pth.tar-50": /empty|pickle/,
  "crc_wrong.pth.tar-50": /CRC/,
  "legacy_not_zip.pth.tar-50": /1\.6/,
  "zero_bytes.pth.tar-50": /empty/,
};

describe("hostile files", () => {
  it.each(hostile)("$file: $about", async ({ file }) => {
    const source = await open(`hostile/${file}`);
    const result = await readPublishedCheckpoint(source).catch((error: unknown) => error as Error);
    if (result instanceof Error) {
      expect(fair.slice(0, 1)).not.toContain(file);
      expect(result.message).toMatch(new RegExp(`^hostile/${file.replaceAll(".", "\\.")}: .{15,}`));
      expect(result.message).not.toContain("\n");
      if (reasons[file]) expect(result.message).toMatch(reasons[file]);
    } else {
      expect(fair).toContain(file);
      expect(result.contexts.data.every(Number.isFinite)).toBe(true);
    }
  });

  it("changed no prototype", () => {
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

it("contexts saved from several GPUs are under module.", async () => {
  const { contexts, epoch } = await readPublishedCheckpoint(await open("more/parallel.pth.tar-50"));
  expect([contexts.shape, epoch]).toEqual([[2, 4], 50]);
  expect([...contexts.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((n) => n / 8));
});

describe("prompts of other methods", () => {
  it("are refused: CoCoOp's contexts are not used without its network", async () => {
    const part = { data: new Float32Array(8), shape: [2, 4] };
    const bytes = writeSafetensors({ ctx: part, "meta_net.linear1.weight": part, token_prefix: part });
    for (const source of [bytesSource(bytes, { name: "cocoop" }), await open("more/cocoop.pth.tar-10")]) {
      await expect(readPublishedCheckpoint(source)).rejects.toThrow(
        /cocoop.*: expected contexts alone, .* but it has "meta_net\.linear1\.weight" beside them: this is a prompt of another method/,
      );
    }
  });
});

describe("safetensors", () => {
  const values = (...shape: number[]): Floats => ({
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 7),
    shape,
  });
  const read = (tensors: Parameters<typeof writeSafetensors>[0], metadata?: Record<string, string>) =>
    readPublishedCheckpoint(bytesSource(writeSafetensors(tensors, metadata), { name: "p.safetensors" }));

  it("give the tensor ctx, with what the metadata says", async () => {
    const ctx = values(3, 4);
    const prompt = await read({ ctx }, { epoch: "50", position: "front" });
    expect(prompt).toMatchObject({
      contexts: ctx,
      epoch: 50,
      position: "front",
      format: "safetensors",
      dtype: "F32",
      classSpecific: false,
      checkpoint: {
        learner: "coop",
        options: { contexts: 3, classSpecific: false, position: "front" },
        epoch: 50,
        step: 0,
      },
    });
    expect((await read({ ctx: values(5, 3, 4) })).checkpoint.options).toEqual({ contexts: 3, classSpecific: true });
    const half = await read({ ctx: { data: Uint16Array.of(0x3c00, 0xc000), shape: [1, 2] } });
    expect([half.dtype, ...half.contexts.data]).toEqual(["F16", 1, -2]);
  });

  it("of our own give the options they were made with", async () => {
    const contexts = values(3, 4);
    const options = { contexts: 3, position: "middle", classSpecific: false, init: "" };
    const own = { learner: "coop", options, epoch: 7, step: 2, variables: { contexts }, velocity: { contexts } };
    const prompt = await readPublishedCheckpoint(bytesSource(writeCheckpoint(own), { name: "c" }));
    expect(prompt).toMatchObject({ contexts, epoch: 7, position: "middle", checkpoint: { options } });
    const run = await read({ contexts }, { learner: "coop", options: JSON.stringify(options) });
    expect(run).toMatchObject({ contexts, position: "middle", checkpoint: { options } });
    expect(run.epoch).toBeUndefined();
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ["another learner", () => read({}, { learner: "template", options: "{}" }), 'got one of "template"'],
    ["damaged metadata", () => read({ ctx: values(1, 2) }, { learner: "coop", options: "{" }), "does not say learner"],
    ["CLIP weights", () => read({ "visual.conv1.weight": values(1, 3, 2, 2) }), "but these are weights of CLIP"],
    ["turned text for a name", () => read({ "a\u202eb": values(2, 2) }), 'but it has "a?b"; give'],
    ["other names", () => read({ contexts: values(2, 2) }), 'but it has "contexts"; give'],
    ["rank 1", () => read({ ctx: values(4) }), "[contexts,width] or [classes,contexts,width], got [4]"],
    ["nothing", () => read({ ctx: values(0, 4) }), "got [0,4]"],
    ["integers", () => read({ ctx: { data: new Int32Array(4), shape: [2, 2] } }), "in floating point, got I32"],
    [
      "infinity",
      () => read({ ctx: { data: Float32Array.of(1, 2, 3, 4, 5, -Infinity, 7, 8), shape: [2, 2, 2] } }),
      '"ctx" holds -Infinity at [1,0,1]',
    ],
  ])("are refused: %s", async (_, act, message) => {
    const error = await act().then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).toContain(message);
    expect(error?.message).toMatch(/^p\.safetensors: /);
  });
});

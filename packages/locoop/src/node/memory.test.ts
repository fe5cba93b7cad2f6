import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSafetensors } from "@locoop/clip";
import { loadWeights } from "@locoop/clip/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkMemory, fittingWorkers, memoryLimits, memoryOfModel, sizeOfWeights } from "./memory.js";

let dir: string;
let weights: string;
const engine = { engine: "onnx", device: "cpu" } as const;
const size = 4 * 2 ** 20;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-memory-"));
  weights = join(dir, "weights.safetensors");
  await writeFile(
    weights,
    writeSafetensors({
      a: { data: new Float32Array(2 ** 20 - 3), shape: [2 ** 20 - 3] },
      b: { data: new Float32Array(3), shape: [3, 1] },
    }),
  );
});
afterAll(() => rm(dir, { recursive: true }));

describe("the size of weights", () => {
  it("is that of their tensors as float32, whatever the file holds", async () => {
    expect(await sizeOfWeights(weights)).toBe(size);
    const header = Buffer.from(JSON.stringify({ half: { dtype: "F16", shape: [2, 5], data_offsets: [0, 20] } }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    await writeFile(join(dir, "half"), Buffer.concat([length, header, Buffer.alloc(20)]));
    expect(await sizeOfWeights(join(dir, "half"))).toBe(40);
  });

  it("is told by every format, and by an index of several files", async () => {
    const tiny = (name: string): string =>
      fileURLToPath(new URL(`../../../clip/fixtures/vit-tiny/${name}`, import.meta.url));
    const { weights: read } = await loadWeights(tiny("openai.pt"));
    const expected = [...read.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    const sizes = [];
    for (const name of ["open_clip_model.safetensors", "state_dict.pt", "openai.pt"])
      sizes.push(await sizeOfWeights(tiny(name)));
    expect(sizes).toEqual([expected, expected, expected + 12]); // an archive of OpenAI keeps three sizes as tensors
    const index = join(dir, "model.safetensors.index.json");
    await writeFile(join(dir, "more.safetensors"), writeSafetensors({ c: { data: new Float32Array(5), shape: [5] } }));
    const files = { a: "weights.safetensors", b: "weights.safetensors", c: "more.safetensors" };
    await writeFile(index, JSON.stringify({ weight_map: files }));
    expect(await sizeOfWeights(index)).toBe(size + 20);
    await expect(checkMemory({ weights: index, engine }, { total: 1 })).rejects.toThrow("needs about");
    await rm(join(dir, "more.safetensors"));
    expect(await sizeOfWeights(index)).toBeUndefined();
  });

  it("is not known of what is no file of weights, or not there", async () => {
    await writeFile(join(dir, "text"), "these are no weights");
    await writeFile(join(dir, "short"), "abc");
    for (const name of ["text", "short", "nothing"]) expect(await sizeOfWeights(join(dir, name))).toBeUndefined();
    expect(await checkMemory({ weights: join(dir, "text"), engine }, { total: 1 })).toBeUndefined();
  });
});

describe("memory", () => {
  const needed = memoryOfModel(size, engine);

  it("that is not there at all is an error with both numbers", async () => {
    const gib = (needed / 2 ** 30).toFixed(1);
    await expect(checkMemory({ weights, engine }, { total: needed - 1 })).rejects.toThrow(
      new RegExp(`^weights: .*weights\\.safetensors needs about ${gib} GiB .* there are 0\\.0 GiB in all; take`),
    );
  });

  it("that is not free is a warning, and else nothing is said", async () => {
    expect(await checkMemory({ weights, engine }, { total: needed, free: needed - 1 })).toMatch(
      /^warning: .* needs about .* are free;/,
    );
    expect(await checkMemory({ weights, engine }, { total: needed, free: needed })).toBeUndefined();
    expect(await checkMemory({ weights, engine }, { total: needed })).toBeUndefined();
  });

  it("bounds the workers, but leaves one", async () => {
    expect(await fittingWorkers(4, { weights, engine }, { total: 9 * needed, free: 2.5 * needed })).toBe(2);
    expect(await fittingWorkers(4, { weights, engine }, { total: 9 * needed })).toBe(4);
    expect(await fittingWorkers(4, { weights, engine }, { total: 9 * needed, free: 1 })).toBe(1);
    expect(await fittingWorkers(4, { weights: join(dir, "nothing"), engine }, { total: 1 })).toBe(4);
  });

  it("of this machine is some", () => {
    const { total, free = total } = memoryLimits();
    expect(total).toBeGreaterThan(2 ** 28);
    expect(free).toBeGreaterThan(0);
    expect(free).toBeLessThanOrEqual(total);
  });
});

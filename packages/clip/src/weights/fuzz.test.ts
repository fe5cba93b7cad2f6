import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { utf8 } from "../fuzz/bytes.test.kit.js";
import { mutateJsonText } from "../fuzz/json.test.kit.js";
import { countReads, countShared, findFault } from "../fuzz/oracle.test.kit.js";
import { mutatePickle } from "../fuzz/pickle.test.kit.js";
import { mutateSafetensors } from "../fuzz/safetensors.test.kit.js";
import { joinZip, mutateZip, splitZip, type ZipPart } from "../fuzz/zip.test.kit.js";
import { createRandom, type Random } from "../random.js";
import { bytesSource } from "./byte-source.js";
import { readModelConfig } from "./model-config.js";
import { writeSafetensors } from "./safetensors.js";
import { openTensorFile } from "./tensor-file.js";
import { parseTensorIndex } from "./tensor-index.js";
import { openTorchArchive } from "./torch-archive.js";
import { unpickle } from "./unpickle.js";

// The short form of tools/fuzz: the same mutations and checks, some thousands of inputs, always the same ones.

const folder = join(import.meta.dirname, "../../fixtures/checkpoint");
const archives = [folder, join(folder, "hostile")]
  .flatMap((at) => readdirSync(at).map((name) => join(at, name)))
  .filter((path) => path.includes(".pth.tar-50") && statSync(path).size < 8000)
  .sort()
  .map((path) => new Uint8Array(readFileSync(path)));
const strided = new Uint8Array(readFileSync(join(folder, "strided_float64.pth.tar-50")));
const partsOf = (bytes: Uint8Array): readonly ZipPart[] => splitZip(bytes) ?? [];
const nameOf = ({ name }: ZipPart): string => new TextDecoder().decode(name);
const pickles = archives
  .filter((_, i) => i % 4 === 0)
  .flatMap((bytes) => {
    try {
      return partsOf(bytes)
        .filter((part) => nameOf(part).endsWith("data.pkl"))
        .map(({ packed }) => packed);
    } catch {
      return []; // one that lies about where its entries are
    }
  });
const splits = [readFileSync(join(folder, "hostile/os_system.pkl")), splitPickle()].map(
  (bytes) => new Uint8Array(bytes),
);
const file = "mutated-input";

/** What Dassl saves of one picture, with the frames and memo of protocol 4. */
function splitPickle(): Uint8Array {
  const letters =
    "\x80\x04\x95\x60\0\0\0\0\0\0\0}\x94\x8c\x05train\x94]\x94\x8c\x20dassl.data.datasets.base_dataset\x94\x8c\x05Datum\x94\x93\x94)\x81\x94}\x94(\x8c\x07_impath\x94\x8c\x05a.jpg\x94\x8c\x06_label\x94K\0uba s.";
  return Uint8Array.from(letters.replace("uba s.", "ubas."), (letter) => letter.charCodeAt(0));
}

/** Runs inputs and gives what is wrong with any; a reader returns the bytes of its result and of what it read. */
async function fuzz(
  count: number,
  make: (random: Random) => Uint8Array,
  read: (bytes: Uint8Array) => Promise<{ result: number; bytesRead: number }> | { result: number; bytesRead: number },
  { named = true }: { named?: boolean } = {},
): Promise<{ faults: string[]; loaded: number }> {
  const faults: string[] = [];
  const shared = countShared();
  let loaded = 0;
  for (let i = 0; i < count; i++) {
    const bytes = make(createRandom(`short/${i}`));
    const most = 4 * bytes.length + 2 ** 20;
    try {
      const { result, bytesRead } = await read(bytes);
      loaded++;
      if (result > most) faults.push(`${i}: ${result} bytes out of a file of ${bytes.length}`);
      if (bytesRead > 3 * most) faults.push(`${i}: ${bytesRead} bytes read of a file of ${bytes.length}`);
    } catch (error) {
      const fault = findFault(error, named ? { file } : {});
      if (fault !== undefined) faults.push(`${i}: ${fault}`);
    }
  }
  if (countShared() !== shared) faults.push("a prototype that all objects share was changed");
  return { faults, loaded };
}

const pick = <T>(items: readonly T[], random: Random): T => items[random.integer(items.length)] as T;

async function readFile(bytes: Uint8Array): Promise<{ result: number; bytesRead: number }> {
  const source = countReads(bytes, file);
  const { entries, read } = await openTensorFile(source);
  let result = 0;
  for (const name of entries.keys()) {
    const { data, shape } = await read(name);
    expect(data.length).toBe(shape.reduce((product, side) => product * side, 1));
    result += data.byteLength;
  }
  return { result, bytesRead: source.counts.bytes };
}

afterEach(() => void vi.unstubAllGlobals());

describe("mutated files of weights", () => {
  it("archives load or are refused in one line, within four times the file and 1 MB", async () => {
    vi.stubGlobal("eval", () => expect.fail("something was run"));
    const { faults, loaded } = await fuzz(
      700,
      (random) =>
        mutateZip(pick(archives, random), random, archives, (name, data) =>
          name.endsWith("data.pkl") ? mutatePickle(data, random, pickles) : undefined,
        ),
      readFile,
    );
    expect(faults).toEqual([]);
    expect(loaded).toBeGreaterThan(10);
  });

  it("safetensors load or are refused in one line, within four times the file and 1 MB", async () => {
    const seeds = [
      writeSafetensors({}),
      writeSafetensors(
        { a: { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }, b: { data: Int32Array.of(1), shape: [] } },
        { format: "pt" },
      ),
      writeSafetensors({ half: { data: Uint16Array.of(0x3c00, 0), shape: [2] } }),
    ];
    const { faults, loaded } = await fuzz(
      1500,
      (random) => mutateSafetensors(pick(seeds, random), random, seeds),
      readFile,
    );
    expect(faults).toEqual([]);
    expect(loaded).toBeGreaterThan(100);
  });

  it.each(["torch", "split"] as const)("pickles of the dialect %s run no opcode twice", async (dialect) => {
    const seeds = dialect === "torch" ? pickles : [...splits, ...pickles.slice(0, 2)];
    const { faults, loaded } = await fuzz(
      1500,
      (random) => mutatePickle(pick(seeds, random), random, seeds),
      (bytes) => {
        const { opcodes } = unpickle(bytes, { dialect, name: file });
        expect(opcodes).toBeLessThanOrEqual(bytes.length);
        return { result: 0, bytesRead: bytes.length };
      },
    );
    expect(faults).toEqual([]);
    expect(loaded).toBeGreaterThan(20);
  });

  it("indices and configurations name what is wrong", async () => {
    const index = { metadata: { total_size: 8 }, weight_map: { a: "model-1.safetensors", b: "model-2.safetensors" } };
    const config = { model_type: "clip", vision_config: { hidden_size: 128, num_attention_heads: 2 }, text_config: {} };
    const texts = await fuzz(
      1000,
      (random) => utf8(mutateJsonText(random.integer(2) === 0 ? index : config, random)),
      async (bytes) => {
        const text = new TextDecoder().decode(bytes);
        await readModelConfig(async (name) => (name === "config.json" ? text : undefined));
        const { shards } = parseTensorIndex(text);
        for (const shard of shards) expect(shard).toMatch(/^[^./\\][^/\\]*$/);
        return { result: 0, bytesRead: 0 };
      },
      { named: false },
    );
    expect(texts.faults).toEqual([]);
    expect(texts.loaded).toBeGreaterThan(50);
  });
});

describe("the same archive in other words", () => {
  const numbers = async (bytes: Uint8Array): Promise<unknown> => {
    const { entries, read } = await openTensorFile(bytesSource(bytes, { name: file }));
    const tensors: unknown[] = [];
    for (const name of entries.keys()) tensors.push([name, await read(name)]);
    return tensors;
  };

  it("gives the same tensors, whatever the order, alignment and fields of its entries", async () => {
    const expected = await numbers(strided);
    const parts = partsOf(strided);
    for (const zip64 of [false, true]) {
      for (const descriptors of [false, true]) {
        for (const alignment of [0, 64]) {
          for (const order of [parts, parts.toReversed()]) {
            expect(await numbers(joinZip(order, { zip64, descriptors, alignment }).bytes)).toEqual(expected);
          }
        }
      }
    }
  });

  it("is refused where a byte of its data is another", async () => {
    const random = createRandom("bytes of storages");
    const parts = partsOf(strided);
    const at = parts.findIndex((part) => nameOf(part).includes("/data/"));
    for (let i = 0; i < 40; i++) {
      const packed = new Uint8Array((parts[at] as ZipPart).packed);
      packed[random.integer(packed.length)]! ^= 1 << random.integer(8);
      const { bytes } = joinZip(parts.with(at, { ...(parts[at] as ZipPart), packed }), {});
      await expect(numbers(bytes)).rejects.toThrow(/^mutated-input: \S+\/data\/\S+: damaged or cut short/);
    }
  });

  it("asks no more of memory by its own account than four times the file and 1 MB", async () => {
    const random = createRandom("account");
    for (let i = 0; i < 100; i++) {
      const bytes = mutateZip(pick(archives, random), random, archives);
      const archive = await openTorchArchive(bytesSource(bytes)).catch(() => undefined);
      expect(archive?.work.peakBytes ?? 0).toBeLessThanOrEqual(4 * bytes.length + 2 ** 20);
    }
  });
});

import {
  bytesSource,
  openTensorFile,
  readWeights,
  writeSafetensors,
  type ByteSource,
} from "../../packages/clip/src/index.js";
import { readFileSync } from "node:fs";
import { mutateBytes, utf8 } from "../../packages/clip/src/fuzz/bytes.test.kit.js";
import { mutateJsonText } from "../../packages/clip/src/fuzz/json.test.kit.js";
import { countReads } from "../../packages/clip/src/fuzz/oracle.test.kit.js";
import { mutateSafetensors } from "../../packages/clip/src/fuzz/safetensors.test.kit.js";
import { readModelConfig } from "../../packages/clip/src/weights/model-config.js";
import { archiveMutator, archiveSeeds } from "./archive-targets.js";
import { archiveMemory, checkWork, type Report, type Target } from "./target.js";

/** Whole models: files of weights, the parts of one with their index, and configurations. */
export async function modelTargets(packages: string): Promise<Target[]> {
  const fixtures = `${packages}/clip/fixtures`;
  const read = (path: string): Uint8Array => Uint8Array.from(readFileSync(`${fixtures}/${path}`));
  const models = [
    "rn-tiny/openai.pt",
    "vit-tiny/openai.pt",
    "rn-tiny/open_clip_model.safetensors",
    "vit-tiny/hf/model.safetensors",
  ].map(read);
  const mutateArchive = archiveMutator(archiveSeeds(packages));
  const { index, shards } = await splitModel(models[2] as Uint8Array);
  const configs = [
    JSON.parse(readFileSync(`${fixtures}/vit-tiny/hf/config.json`, "utf8")) as never,
    {
      model_cfg: {
        embed_dim: 32,
        quick_gelu: true,
        vision_cfg: { layers: 2, width: 128, head_width: 64 },
        text_cfg: { width: 64, heads: 1, layers: 2 },
      },
      preprocess_cfg: { mean: [0.48, 0.45, 0.4], std: [0.26, 0.26, 0.27] },
    } as never,
  ];
  return [
    {
      name: "models",
      weight: 1,
      seeds: models,
      namesFile: true,
      ...archiveMemory,
      mutate: (bytes, random, others) =>
        bytes[0] === 0x50 ? mutateArchive(bytes, random, others) : mutateSafetensors(bytes, random, others),
      run: (bytes, file, report) => runModel([countReads(bytes, file)], report),
    },
    {
      name: "indices of models",
      weight: 2,
      seeds: [utf8(JSON.stringify(index))],
      namesFile: true,
      memory: (size) => 8 * size + 8 * 2 ** 20,
      memoryInAll: (size) => 16 * size + 32 * 2 ** 20,
      mutate: (bytes, random) =>
        random.integer(4) === 0 ? mutateBytes(bytes, random) : utf8(mutateJsonText(index as never, random)),
      run: (bytes, file, report) =>
        runModel(
          [
            bytesSource(bytes, { name: `${file}.index.json` }),
            ...Object.entries(shards).map(([name, part]) => bytesSource(part, { name })),
          ],
          report,
        ),
    },
    {
      name: "configurations",
      weight: 14,
      seeds: configs.map((config) => utf8(JSON.stringify(config))),
      namesFile: false, // the file is one of three names
      memory: (size) => 8 * size + 2 ** 20,
      memoryInAll: (size) => 8 * size + 2 ** 20,
      mutate: (bytes, random, others) =>
        random.integer(4) === 0
          ? mutateBytes(bytes, random, others)
          : utf8(mutateJsonText(configs[random.integer(2)] as never, random)),
      async run(bytes, _file, report) {
        const text = new TextDecoder().decode(bytes);
        const { config, notices } = await readModelConfig(async (name) =>
          name === (text.includes("model_cfg") ? "open_clip_config.json" : "config.json") ? text : undefined,
        );
        for (const notice of notices)
          if (/[\n\r\u001b]/.test(notice)) report.fault = `a notice that is not one line: ${JSON.stringify(notice)}`;
        const { mean = [0, 0, 0], std = [1, 1, 1] } = config ?? {};
        if (![...mean, ...std].every(Number.isFinite))
          report.fault = `mean and spread that are not finite: ${[...mean, ...std].join()}`;
      },
    },
  ];
}

async function runModel(sources: readonly ByteSource[], report: Report): Promise<void> {
  const size = sources.reduce((sum, source) => sum + source.size, 0);
  const [main] = sources;
  const alive = watchAlive(size / 6);
  const watched = sources.map((source) => ({
    ...source,
    async read(begin: number, length: number) {
      const bytes = await source.read(begin, length);
      report.peak = alive(length);
      return bytes;
    },
  }));
  try {
    const { weights } = await readWeights(watched);
    report.peak = alive(size);
    for (const { data } of weights.values()) report.result += data.byteLength;
  } finally {
    if (main && "counts" in main) report.bytesRead = (main as ReturnType<typeof countReads>).counts.bytes;
    report.fault ??= checkWork(report, size);
  }
}

/** Counts bytes that are read and, whenever they come to `step`, collects garbage and looks how many bytes of buffers are left. */
function watchAlive(step: number): (bytes: number) => number {
  const look = (): number => {
    (globalThis as { gc?: () => void }).gc?.();
    return process.memoryUsage().arrayBuffers;
  };
  const before = look();
  let waiting = 0;
  let peak = 0;
  return (bytes) => {
    waiting += bytes;
    if (waiting < step) return peak;
    waiting = 0;
    peak = Math.max(peak, look() - before);
    return peak;
  };
}

/** A model in two files and their index, as Hugging Face cuts large ones. */
async function splitModel(bytes: Uint8Array) {
  const { entries, read } = await openTensorFile(bytesSource(bytes));
  const names = [...entries.keys()];
  const files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const map: Record<string, string> = {};
  const parts: Record<string, Awaited<ReturnType<typeof read>>>[] = [{}, {}];
  let size = 0;
  for (const [i, name] of names.entries()) {
    const part = i < names.length / 2 ? 0 : 1;
    const tensor = await read(name);
    size += tensor.data.byteLength;
    map[name] = files[part] as string;
    (parts[part] as (typeof parts)[0])[name] = tensor;
  }
  return {
    index: { metadata: { total_size: size }, weight_map: map },
    shards: Object.fromEntries(parts.map((tensors, i) => [files[i] as string, writeSafetensors(tensors)])),
  };
}

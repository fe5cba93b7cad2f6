import {
  openTensorFile,
  openTorchArchive,
  writeSafetensors,
  type Pickled,
  type TensorRef,
} from "../../packages/clip/src/index.js";
import { countReads } from "../../packages/clip/src/fuzz/oracle.test.kit.js";
import { mutatePickle } from "../../packages/clip/src/fuzz/pickle.test.kit.js";
import { mutateSafetensors } from "../../packages/clip/src/fuzz/safetensors.test.kit.js";
import { mutateZip, splitZip } from "../../packages/clip/src/fuzz/zip.test.kit.js";
import { readPublishedCheckpoint } from "../../packages/prompt-learning/src/published-checkpoint.js";
import { soundArchives } from "./archive-seeds.js";
import { archiveFamilies, fromFamily } from "./family-targets.js";
import { readSeeds } from "./seeds.js";
import { archiveMemory, checkWork, type Report, type Target } from "./target.js";

/** Small archives: the fixtures, and some with a tensor of every type. */
export function archiveSeeds(packages: string): Uint8Array[] {
  const fixtures = readSeeds(`${packages}/clip/fixtures/checkpoint`, {
    accepts: (path) => /\.pth\.tar-\d+$/.test(path),
    largest: 100_000,
  });
  return [...soundArchives(), ...fixtures];
}

/** The pickles in archives. */
export function picklesOf(archives: readonly Uint8Array[]): Uint8Array[] {
  return archives.flatMap((bytes) => {
    try {
      const found = splitZip(bytes)?.find(
        ({ name, method }) => method === 0 && new TextDecoder().decode(name).endsWith("/data.pkl"),
      );
      return found ? [found.packed] : [];
    } catch {
      return []; // one of the hostile files
    }
  });
}

/** How archives are mutated: the pickle by its opcodes, the rest as a zip file or as bytes. */
export function archiveMutator(archives: readonly Uint8Array[]): Target["mutate"] {
  const pickles = picklesOf(archives);
  return (bytes, random, others) =>
    mutateZip(bytes, random, others, (name, data) =>
      name.endsWith("data.pkl") || random.integer(20) === 0 ? mutatePickle(data, random, pickles) : undefined,
    );
}

/** Archives of PyTorch, safetensors, and learned prompts that others publish. */
export function archiveTargets(packages: string): Target[] {
  const archives = archiveSeeds(packages);
  const safetensors = safetensorsSeeds(packages);
  const mutateArchive = archiveMutator(archives);
  const mutateEither: Target["mutate"] = (bytes, random, others) =>
    bytes[0] === 0x50 ? mutateArchive(bytes, random, others) : mutateSafetensors(bytes, random, others);
  const common = { seeds: archives, namesFile: true, mutate: mutateArchive, ...archiveMemory };
  return [
    { ...common, name: "archives", weight: 30, run: runTensorFile },
    {
      ...common,
      name: "archives that ask for much",
      weight: 1,
      mutate: (_bytes, random) => fromFamily(archiveFamilies, random),
      run: runTensorFile,
    },
    { ...common, name: "all tensors of archives", weight: 8, run: runArchive },
    { ...common, name: "safetensors", weight: 40, seeds: safetensors, mutate: mutateSafetensors, run: runTensorFile },
    {
      ...common,
      name: "published prompts",
      weight: 8,
      seeds: [...archives, ...promptSeeds()],
      mutate: mutateEither,
      run: runPrompt,
    },
  ];
}

/** Opens a file of tensors and keeps them all. */
export async function runTensorFile(bytes: Uint8Array, file: string, report: Report): Promise<void> {
  const source = countReads(bytes, file);
  try {
    const { entries, read } = await openTensorFile(source);
    report.steps = entries.size;
    const kept = [];
    for (const name of entries.keys()) {
      const { data, shape } = await read(name);
      kept.push(data);
      report.result += data.byteLength;
      if (data.length !== shape.reduce((product, side) => product * side, 1))
        report.fault = "a shape that is not its data's";
    }
  } finally {
    report.bytesRead = source.counts.bytes;
    report.fault ??= checkWork(report, bytes.length);
  }
}

async function runArchive(bytes: Uint8Array, file: string, report: Report): Promise<void> {
  const source = countReads(bytes, file);
  const archive = await openTorchArchive(source);
  try {
    for (const ref of tensorsIn(archive.root)) report.result += (await archive.readTensor(ref)).data.byteLength;
  } finally {
    const { opcodes, bytesRead, peakBytes } = archive.work;
    report.steps = opcodes;
    report.bytesRead = source.counts.bytes;
    report.fault ??= checkWork(report, bytes.length);
    if (bytesRead !== source.counts.bytes)
      report.fault ??= `counts ${bytesRead} bytes read, ${source.counts.bytes} were`;
    if (peakBytes > archiveMemory.memory(bytes.length)) report.fault ??= `held ${peakBytes} bytes by its own account`;
  }
}

async function runPrompt(bytes: Uint8Array, file: string, report: Report): Promise<void> {
  const source = countReads(bytes, file);
  try {
    const { contexts, checkpoint } = await readPublishedCheckpoint(source);
    report.result = contexts.data.byteLength;
    if (!contexts.data.every(Number.isFinite)) report.fault = "contexts that are not finite";
    if (checkpoint.learner !== "coop") report.fault = `a learner ${checkpoint.learner}`;
  } finally {
    report.bytesRead = source.counts.bytes;
    report.fault ??= checkWork(report, bytes.length);
  }
}

function safetensorsSeeds(packages: string): Uint8Array[] {
  const tensor = (length: number, shape: number[]) => ({ data: Float32Array.from({ length }, (_, i) => i / 3), shape });
  const half = { data: Uint16Array.of(0x3c00, 0xc000), shape: [2] };
  return [
    writeSafetensors({}),
    writeSafetensors({ a: tensor(6, [2, 3]), b: { data: Int32Array.of(1, -2), shape: [2] } }, { format: "pt" }),
    writeSafetensors({ half, empty: tensor(0, [0, 5]), scalar: tensor(1, []) }),
    ...readSeeds(packages, {
      accepts: (path) => path.includes("/fixtures/") && path.endsWith(".safetensors"),
      largest: 60_000,
    }),
  ];
}

function promptSeeds(): Uint8Array[] {
  const contexts = { data: Float32Array.from({ length: 32 }, (_, i) => i / 7), shape: [4, 8] };
  const options = { contexts: 4, classSpecific: false };
  return [
    writeSafetensors({ ctx: contexts }, { epoch: "50", position: "end" }),
    writeSafetensors({ contexts }, { learner: "coop", options: JSON.stringify(options), epoch: "3" }),
    writeSafetensors(
      { "variables.contexts": contexts },
      { checkpoint: JSON.stringify({ learner: "coop", options, epoch: 3, step: 7 }) },
    ),
  ];
}

/** Every tensor that a value holds, each once. */
function tensorsIn(root: Pickled): Set<TensorRef> {
  const found = new Set<TensorRef>();
  const seen = new Set<unknown>();
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== "object" || value === null || seen.has(value) || value instanceof Uint8Array) continue;
    seen.add(value);
    if (Array.isArray(value) || value instanceof Set) for (const part of value) waiting.push(part);
    else if (value instanceof Map) for (const [key, part] of value) waiting.push(key, part);
    else if ((value as TensorRef).kind === "tensor") found.add(value as TensorRef);
    else if ("state" in value) waiting.push((value as { state: unknown }).state, (value as { args?: unknown }).args);
  }
  return found;
}

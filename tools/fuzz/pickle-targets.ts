import { unpickle, type Pickled } from "../../packages/clip/src/index.js";
import { fromDasslSplit } from "../../packages/datasets/src/index.js";
import { mutateJsonText } from "../../packages/clip/src/fuzz/json.test.kit.js";
import { utf8 } from "../../packages/clip/src/fuzz/bytes.test.kit.js";
import { mutatePickle } from "../../packages/clip/src/fuzz/pickle.test.kit.js";
import { archiveSeeds, picklesOf } from "./archive-targets.js";
import { fromFamily, pickleFamilies } from "./family-targets.js";
import { readSeeds } from "./seeds.js";
import type { Target } from "./target.js";

// A pickle's values are JavaScript's: the reader estimates what they take, and holds to sixteen times the pickle and 1 MB.
const memory = { memory: (size: number) => 16 * size + 2 ** 20, memoryInAll: (size: number) => 16 * size + 2 ** 20 };

/** Bare pickles in both dialects, and the splits of data that are stored in them or as JSON. */
export function pickleTargets(packages: string): Target[] {
  const pickles = [...picklesOf(archiveSeeds(packages)), ...smallPickles];
  const splits = readSeeds(packages, { accepts: (path) => path.includes("/fixtures/") && path.endsWith(".pkl") });
  const rows = [
    ["/home/author/pets/cat/1.jpg", 0, "cat"],
    ["/home/author/pets/dog/2.jpg", 1, "dog"],
  ] as const;
  const json = { train: rows, val: [rows[0]], test: [] } as never;
  return [
    pickleTarget("pickles of PyTorch", "torch", 46, [...pickles, ...splits.slice(0, 1)]),
    pickleTarget("pickles of splits", "split", 30, [...splits, ...pickles.slice(0, 2), ...smallPickles]),
    {
      ...pickleTarget("pickles that ask for much", "torch", 1, pickles),
      mutate: (_bytes, random) => fromFamily(pickleFamilies, random),
    },
    {
      name: "splits",
      weight: 8,
      seeds: splits,
      namesFile: true,
      ...memory,
      mutate: (bytes, random, others) =>
        random.integer(3) === 0 ? utf8(mutateJsonText(json, random)) : mutatePickle(bytes, random, others),
      async run(bytes, file, report) {
        let value: unknown;
        if (bytes[0] === 0x7b || bytes[0] === 0x5b) value = parse(bytes, file);
        else ({ value, opcodes: report.steps } = unpickle(bytes, { dialect: "split", name: file }));
        await fromDasslSplit(value, { root: packages, file, prefix: "", checkFiles: false });
      },
    },
  ];
}

function parse(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Error(`${file} is not JSON`);
  }
}

/** Pickles of one value of each kind. */
const smallPickles = [
  "}.",
  "].",
  "N.",
  "\x80\x04\x95\x03\0\0\0\0\0\0\0]\x94.",
  "\x80\x02}q\0X\x01\0\0\0aq\x01K\x01s.",
].map((text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0)));

function pickleTarget(name: string, dialect: "torch" | "split", weight: number, seeds: readonly Uint8Array[]): Target {
  return {
    name,
    weight,
    seeds,
    namesFile: true,
    ...memory,
    mutate: mutatePickle,
    run(bytes, file, report) {
      report.bytesRead = bytes.length;
      const { value, opcodes } = unpickle(bytes, { dialect, name: file });
      report.steps = opcodes;
      if (opcodes > bytes.length) report.fault = `ran ${opcodes} opcodes of ${bytes.length} bytes`;
      // Values are walked by code that writes shared parts out: it must end, and not go too deep.
      report.check = () => void walk(value, new Set());
    },
  };
}

/** Counts the parts of a value as a recursive reader meets them: shared ones each time, those that hold themselves once. */
function walk(value: Pickled, above: Set<unknown>): number {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || above.has(value)) return 1;
  above.add(value);
  let parts = 1;
  for (const part of partsOf(value)) parts += walk(part as Pickled, above);
  above.delete(value);
  return parts;
}

function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set) return value as Iterable<unknown>;
  return value instanceof Map ? [...value.keys(), ...value.values()] : Object.values(value);
}

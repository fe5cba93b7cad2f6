import type { Random } from "../random.js";
import { chance, concat, integerBytes, interestingIntegers, noise, pick, utf8 } from "./bytes.test.kit.js";
import { hostileNames } from "./json.test.kit.js";

/** How an opcode's argument is written: a fixed number of bytes, lines of text, or bytes with their length before them. */
type Argument = number | "line" | "two lines" | { readonly length: 1 | 4 | 8 };

// Every opcode of protocols 0 to 5, as CPython's pickletools lists them.
const opcodes: ReadonlyMap<number, Argument> = new Map<number, Argument>([
  ...[
    ..."(.01]})elatusdbQR2",
    "\x81",
    "\x85",
    "\x86",
    "\x87",
    "\x88",
    "\x89",
    "\x8f",
    "\x90",
    "\x91",
    "\x92",
    "\x93",
    "\x94",
    "\x97",
    "\x98",
    "N",
    "o",
  ].map((code): [number, Argument] => [code.charCodeAt(0), 0]),
  ...Object.entries({
    K: 1,
    M: 2,
    J: 4,
    G: 8,
    h: 1,
    j: 4,
    q: 1,
    r: 4,
    "\x80": 1,
    "\x82": 1,
    "\x83": 2,
    "\x84": 4,
    "\x95": 8,
  }).map(([code, width]): [number, Argument] => [code.charCodeAt(0), width]),
  ...[..."FILSVPgp"].map((code): [number, Argument] => [code.charCodeAt(0), "line"]),
  ...[..."ci"].map((code): [number, Argument] => [code.charCodeAt(0), "two lines"]),
  ...Object.entries({
    U: 1,
    C: 1,
    "\x8a": 1,
    "\x8c": 1,
    T: 4,
    B: 4,
    X: 4,
    "\x8b": 4,
    "\x8d": 8,
    "\x8e": 8,
    "\x96": 8,
  } as const).map(([code, length]): [number, Argument] => [code.charCodeAt(0), { length }]),
]);
export const codes = [...opcodes.keys()];

/** One opcode with its argument, without the length that stands before some. */
export interface Op {
  readonly code: number;
  readonly argument: Uint8Array;
  /** Written instead of the true length of the argument. */
  readonly claimed?: bigint;
}

/** Splits a pickle into opcodes, as far as it can be followed. */
export function splitPickle(bytes: Uint8Array): Op[] {
  const ops: Op[] = [];
  let at = 0;
  while (at < bytes.length) {
    const code = bytes[at++] as number;
    const kind = opcodes.get(code);
    if (kind === undefined) break;
    let length: number;
    if (typeof kind === "number") length = kind;
    else if (typeof kind === "object") {
      length = 0;
      for (let i = kind.length - 1; i >= 0; i--) length = length * 256 + (bytes[at + i] ?? 0);
      at += kind.length;
    } else {
      length = bytes.indexOf(10, at) + 1 - at;
      if (kind === "two lines") length = bytes.indexOf(10, at + length) + 1 - at;
    }
    if (length < 0 || at + length > bytes.length) break;
    ops.push({ code, argument: bytes.slice(at, at + length) });
    at += length;
  }
  return ops;
}

/** The pickle of these opcodes. */
export function joinPickle(ops: readonly Op[]): Uint8Array<ArrayBuffer> {
  return concat(
    ops.flatMap(({ code, argument, claimed }) => {
      const kind = opcodes.get(code) ?? 0;
      const length = typeof kind === "object" ? [integerBytes(claimed ?? argument.length, kind.length)] : [];
      return [Uint8Array.of(code), ...length, argument];
    }),
  );
}

// What a pickle may ask for: known to PyTorch's files, or hostile.
export const globals = [
  "collections\nOrderedDict",
  "collections\ndefaultdict",
  "__builtin__\ndict",
  "builtins\nset",
  "__builtin__\nlist",
  "torch._utils\n_rebuild_tensor_v2",
  "torch._utils\n_rebuild_parameter",
  "torch\nFloatStorage",
  "torch\nHalfStorage",
  "torch\nLongStorage",
  "torch\nSize",
  "torch\nfloat16",
  "torch.optim.sgd\nSGD",
  "torch.nn.parameter\nParameter",
  "torch.optim.lr_scheduler\nCosineAnnealingLR",
  "torch.jit._pickle\nbuild_intlist",
  "__torch__.model\nModule",
  "dassl.data.datasets.base_dataset\nDatum",
  "copy_reg\n_reconstructor",
  "_codecs\nencode",
  "numpy\nndarray",
  "posix\nsystem",
  "os\nsystem",
  "builtins\neval",
  "builtins\ngetattr",
  "subprocess\nPopen",
  "__proto__\nconstructor",
].map((name) => utf8(`${name}\n`));

/** An opcode by its letter. */
export const op = (code: string, argument: Uint8Array = new Uint8Array(0)): Op => ({
  code: code.charCodeAt(0),
  argument,
});

/** An opcode of any kind with an argument that suits it, mostly. */
export function randomOp(random: Random): Op {
  const code = chance(random, 0.97) ? pick(random, codes) : random.integer(256);
  return { code, argument: argumentFor(code, random), ...(chance(random, 0.05) && lie(random)) };
}

/** A length that is not the true one. */
export function lie(random: Random): { claimed: bigint } {
  return { claimed: pick(random, interestingIntegers) };
}

/** An argument for an opcode. */
export function argumentFor(code: number, random: Random): Uint8Array {
  const kind = opcodes.get(code) ?? 0;
  if (typeof kind === "number")
    return chance(random, 0.7)
      ? integerBytes(random.integer(8), kind)
      : integerBytes(pick(random, interestingIntegers), kind);
  if (kind === "two lines") return pick(random, globals);
  if (kind === "line")
    return utf8(
      `${pick(random, ["1", "0", "01", "-5", "1.5", "'text'", "abc", "99999999999999999999L", "nan", "\\ud800", "", "9".repeat(500)])}\n`,
    );
  return chance(random, 0.5) ? utf8(pick(random, hostileNames)).subarray(0, 200) : noise(random, random.integer(20));
}

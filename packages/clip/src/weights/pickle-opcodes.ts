/** The opcodes that are read, by CPython's names. Source: CPython `Lib/pickle.py`. */
export const op = {
  MARK: 0x28,
  EMPTY_TUPLE: 0x29,
  STOP: 0x2e,
  BINBYTES: 0x42,
  SHORT_BINBYTES: 0x43,
  BINFLOAT: 0x47,
  BININT: 0x4a,
  BININT1: 0x4b,
  BININT2: 0x4d,
  NONE: 0x4e,
  BINPERSID: 0x51,
  REDUCE: 0x52,
  SHORT_BINSTRING: 0x55,
  BINUNICODE: 0x58,
  EMPTY_LIST: 0x5d,
  APPEND: 0x61,
  BUILD: 0x62,
  GLOBAL: 0x63,
  APPENDS: 0x65,
  BINGET: 0x68,
  LONG_BINGET: 0x6a,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  SETITEM: 0x73,
  TUPLE: 0x74,
  SETITEMS: 0x75,
  EMPTY_DICT: 0x7d,
  PROTO: 0x80,
  NEWOBJ: 0x81,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  LONG1: 0x8a,
  SHORT_BINUNICODE: 0x8c,
  EMPTY_SET: 0x8f,
  STACK_GLOBAL: 0x93,
  MEMOIZE: 0x94,
  FRAME: 0x95,
} as const;

const names = new Map<number, string>(Object.entries(op).map(([name, code]) => [code, name]));

// Of protocols 3 to 5: not among those PyTorch's weights-only loader admits.
const newer = new Set<number>([
  op.BINBYTES,
  op.SHORT_BINBYTES,
  op.SHORT_BINUNICODE,
  op.STACK_GLOBAL,
  op.MEMOIZE,
  op.FRAME,
]);
const splitLeavesOut = new Set<number>([op.BINPERSID]);

/** What PyTorch's weights-only loader admits. Source: PyTorch `torch/_weights_only_unpickler.py`. */
export const torchOpcodes: ReadonlySet<number> = new Set(Object.values(op).filter((code) => !newer.has(code)));
/** The same for split files: the framing, memo and short-string opcodes of protocols up to 5, but no persistent ids. */
export const splitOpcodes: ReadonlySet<number> = new Set(Object.values(op).filter((code) => !splitLeavesOut.has(code)));

/** How messages call an opcode. */
export function opcodeName(code: number): string {
  return names.get(code) ?? `0x${code.toString(16).padStart(2, "0")}`;
}

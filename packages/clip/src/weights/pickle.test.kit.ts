import { op } from "./pickle-opcodes.js";

// A small writer of pickles for tests: of values as Python would write them, and of single opcodes to write what it never would.

/** A value to write; what JavaScript has no word for is made by the functions below. */
export type Writable =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Writable[]
  | ReadonlyMap<Writable, Writable>
  | PythonValue;

interface PythonValue {
  readonly python: "float" | "tuple" | "global" | "reduce" | "object" | "persistent" | "set" | "raw";
  readonly parts: readonly Writable[];
  readonly bytes?: Uint8Array;
}

/** A number as a float, where `1` would be an integer. */
export const float = (value: number): PythonValue => ({ python: "float", parts: [value] });
export const tuple = (...parts: readonly Writable[]): PythonValue => ({ python: "tuple", parts });
/** A class or function by module and name. */
export const global = (module: string, name: string): PythonValue => ({ python: "global", parts: [module, name] });
/** A call. */
export const reduce = (callee: PythonValue, ...args: readonly Writable[]): PythonValue => ({
  python: "reduce",
  parts: [callee, tuple(...args)],
});
/** An object of a class, made without arguments and given a state. */
export const object = (module: string, name: string, state: Writable): PythonValue => ({
  python: "object",
  parts: [global(module, name), state],
});
export const persistent = (id: Writable): PythonValue => ({ python: "persistent", parts: [id] });
export const emptySet: PythonValue = { python: "set", parts: [] };
/** Opcodes as they are. */
export const raw = (...parts: readonly (number | string | Uint8Array)[]): PythonValue => ({
  python: "raw",
  parts: [],
  bytes: assemble(...parts),
});

const utf8 = new TextEncoder();

/** Bytes from bytes (numbers), text and byte arrays. */
export function assemble(...parts: readonly (number | string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const pieces = parts.map((part) =>
    typeof part === "number" ? Uint8Array.of(part) : typeof part === "string" ? utf8.encode(part) : part,
  );
  const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A number's bytes: `u2` and `u4` little-endian, `u8` too, `f8` big-endian as in pickles. */
export function number(kind: "u2" | "u4" | "u8" | "f8", value: number): Uint8Array {
  const bytes = new Uint8Array(Number(kind[1]));
  const view = new DataView(bytes.buffer);
  if (kind === "u2") view.setUint16(0, value, true);
  else if (kind === "u4") view.setUint32(0, value, true);
  else if (kind === "u8") view.setBigUint64(0, BigInt(value), true);
  else view.setFloat64(0, value, false);
  return bytes;
}

/**
 * Writes a value as Python's pickler does: protocol 2 (as `torch.save`) or 4 (as saved splits), every string and container in
 * the memo, a container that occurs again read back from it.
 */
export function writePickle(value: Writable, { protocol = 2 }: { protocol?: 2 | 4 } = {}): Uint8Array<ArrayBuffer> {
  const parts: (number | string | Uint8Array)[] = [];
  const memo = new Map<unknown, number>();
  const keep = (known: unknown): void => {
    const slot = memo.size;
    memo.set(known, slot);
    if (protocol === 4) parts.push(op.MEMOIZE);
    else if (slot < 256) parts.push(op.BINPUT, slot);
    else parts.push(op.LONG_BINPUT, number("u4", slot));
  };
  const recall = (known: unknown): boolean => {
    const slot = memo.get(known);
    if (slot === undefined) return false;
    if (slot < 256) parts.push(op.BINGET, slot);
    else parts.push(op.LONG_BINGET, number("u4", slot));
    return true;
  };
  const text = (value: string): void => {
    if (recall(`text ${value}`)) return;
    const bytes = utf8.encode(value);
    if (protocol === 4 && bytes.length < 256) parts.push(op.SHORT_BINUNICODE, bytes.length, bytes);
    else parts.push(op.BINUNICODE, number("u4", bytes.length), bytes);
    keep(`text ${value}`);
  };
  const integer = (value: number | bigint): void => {
    if (value >= 0 && value < 256) parts.push(op.BININT1, Number(value));
    else if (value >= 0 && value < 65_536) parts.push(op.BININT2, number("u2", Number(value)));
    else if (value >= -(2 ** 31) && value < 2 ** 31) parts.push(op.BININT, number("u4", Number(value) >>> 0));
    else {
      const bytes: number[] = [];
      let rest = BigInt(value);
      while (bytes.length === 0 || BigInt.asIntN(8 * bytes.length, BigInt(value)) !== BigInt(value)) {
        bytes.push(Number(rest & 0xffn));
        rest >>= 8n;
      }
      parts.push(op.LONG1, bytes.length, Uint8Array.from(bytes));
    }
  };
  const named = (module: string, name: string): void => {
    const key = `global ${module} ${name}`;
    if (recall(key)) return;
    if (protocol === 4) {
      text(module);
      text(name);
      parts.push(op.STACK_GLOBAL);
    } else parts.push(op.GLOBAL, `${module}\n${name}\n`);
    keep(key);
  };
  const python = ({ python: kind, parts: inner, bytes }: PythonValue): void => {
    const [first = null, second = null] = inner;
    if (kind === "float") parts.push(op.BINFLOAT, number("f8", first as number));
    else if (kind === "raw") parts.push(bytes as Uint8Array);
    else if (kind === "global") named(first as string, second as string);
    else if (kind === "set") parts.push(op.EMPTY_SET);
    else if (kind === "tuple" && inner.length === 0) parts.push(op.EMPTY_TUPLE);
    else if (kind === "tuple") {
      if (inner.length > 3) parts.push(op.MARK);
      inner.forEach(write);
      parts.push([op.TUPLE1, op.TUPLE2, op.TUPLE3][inner.length - 1] ?? op.TUPLE);
    } else if (kind === "persistent") {
      write(first);
      parts.push(op.BINPERSID);
    } else if (kind === "reduce") {
      write(first);
      write(second);
      parts.push(op.REDUCE);
    } else {
      write(first);
      parts.push(op.EMPTY_TUPLE, op.NEWOBJ);
      write(second);
      parts.push(op.BUILD);
    }
  };
  const write = (value: Writable): void => {
    if (value === null) parts.push(op.NONE);
    else if (typeof value === "boolean") parts.push(value ? op.NEWTRUE : op.NEWFALSE);
    else if (typeof value === "bigint" || Number.isSafeInteger(value)) {
      if (Object.is(value, -0)) python(float(-0));
      else integer(value as number | bigint);
    } else if (typeof value === "number") python(float(value));
    else if (typeof value === "string") text(value);
    else if (value instanceof Uint8Array) parts.push(op.BINBYTES, number("u4", value.length), value);
    else if (recall(value)) return;
    else if (Array.isArray(value)) {
      parts.push(op.EMPTY_LIST);
      keep(value);
      batches(value as readonly Writable[], (items) => {
        parts.push(op.MARK);
        items.forEach(write);
        parts.push(op.APPENDS);
      });
    } else if (value instanceof Map) {
      parts.push(op.EMPTY_DICT);
      keep(value);
      batches([...(value as ReadonlyMap<Writable, Writable>)], (items) => {
        parts.push(op.MARK);
        items.flat().forEach(write);
        parts.push(op.SETITEMS);
      });
    } else {
      python(value as PythonValue);
      keep(value);
    }
  };
  write(value);
  const body = assemble(...parts, op.STOP);
  return protocol === 4
    ? assemble(op.PROTO, 4, op.FRAME, number("u8", body.length), body)
    : assemble(op.PROTO, 2, body);
}

/** Python writes a thousand items at a time. */
function batches<T>(items: readonly T[], write: (batch: readonly T[]) => void): void {
  for (let i = 0; i < items.length; i += 1000) write(items.slice(i, i + 1000));
}

import { printable } from "./printable.js";

/** Element types of the tensors that are read. */
export type TensorDtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** A tensor of an archive that has not been read: a view of a storage, in elements. */
export interface TensorRef {
  readonly kind: "tensor";
  readonly dtype: TensorDtype;
  /** The storage's name in its archive. */
  readonly storage: string;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** The numbers that tensors are views of. */
export interface StorageRef {
  readonly kind: "storage";
  readonly dtype: TensorDtype;
  readonly key: string;
  /** In elements. */
  readonly length: number;
}

/** A class or function that a pickle names and that was not called. */
export interface GlobalRef {
  readonly kind: "global";
  readonly global: string;
}

/** What an object of a known class becomes: its name and what was stored with it. Nothing of the class exists or runs. */
export interface InertObject {
  readonly kind: "object";
  /** Module and name, as `torch.optim.sgd.SGD`. */
  readonly global: string;
  readonly args: readonly Pickled[];
  readonly state: Pickled;
}

/** What a pickle holds: tuples and lists are arrays, dicts Maps (never plain objects), integers above 2^53 bigints. */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Pickled[]
  | ReadonlyMap<Pickled, Pickled>
  | ReadonlySet<Pickled>
  | InertObject
  | GlobalRef
  | StorageRef
  | TensorRef;

type Known = InertObject | GlobalRef | StorageRef | TensorRef;

/** Whether a value is an inert object, a global, a storage or a tensor. */
export function isKind<K extends Known["kind"]>(
  value: Pickled | undefined,
  kind: K,
): value is Extract<Known, { kind: K }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

/** An inert object that BUILD may still fill. */
export interface OpenObject extends InertObject {
  state: Pickled;
}

// Estimates of what V8 takes, in bytes; on the high side, as they are held against the memory allowed.
export const cost = {
  number: 16,
  text: 24, // and two a byte
  bytes: 120,
  tuple: 32, // and 8 an item
  list: 32,
  firstItem: 160, // the first growth of an array
  item: 12,
  map: 200,
  mapEntry: 56,
  object: 72,
  tensor: 120,
  memoSlot: 40,
  visit: 56,
};

/** What messages call a value's type. */
export function typeOf(value: Pickled | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (typeof value !== "object") return { string: "a string", boolean: "a bool" }[typeof value as string] ?? "a number";
  if (Array.isArray(value)) return Object.isFrozen(value) ? "a tuple" : "a list";
  if (value instanceof Map) return "a dict";
  if (value instanceof Set) return "a set";
  if (value instanceof Uint8Array) return "bytes";
  const known = value as Known;
  if (known.kind === "object") return `an object of ${printable(known.global)}`;
  return known.kind === "global" ? printable(known.global) : `a ${known.kind}`;
}

/** A number or text as a message may show it; of anything else its type, as writing it out may never end. */
export function show(value: Pickled | undefined): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return typeof value === "string" ? JSON.stringify(printable(value)) : typeOf(value);
}

/** The values directly inside one, in order. */
export function partsOf(value: Pickled): Iterable<Pickled> | undefined {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  if (Array.isArray(value)) return value as readonly Pickled[];
  if (value instanceof Map) return flatten(value as ReadonlyMap<Pickled, Pickled>);
  if (value instanceof Set) return value as ReadonlySet<Pickled>;
  const known = value as Known;
  return known.kind === "object" ? [...known.args, known.state] : undefined;
}

function* flatten(map: ReadonlyMap<Pickled, Pickled>): Iterable<Pickled> {
  for (const [key, value] of map) {
    yield key;
    yield value;
  }
}

import { bytesSource, type ByteSource } from "../weights/byte-source.js";

// What JavaScript itself says where code ran into what it did not expect, or memory was asked for unseen.
const accidents =
  /Cannot (read properties|set properties|convert|mix|destructure)|is not (a function|iterable|defined|a constructor)|Invalid (array|typed array|string|DataView|count|code point)|Maximum call stack|(?<!Entry data )out of (bounds|memory|range of)|offset is out|start offset|byte length of|Array buffer allocation|\[object |Reduce of empty/;
const ownErrors = new Set(["Error", "ImageError", "DatasetError"]);
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** What is wrong with an error as a refusal: undefined where it is one line of our own that names the file. */
export function findFault(
  error: unknown,
  { file, longest = 1000 }: { file?: string; longest?: number } = {},
): string | undefined {
  if (!(error instanceof Error)) return `threw ${typeof error}, not an Error`;
  const { name, message } = error;
  if (!ownErrors.has(name)) return `threw a ${name}: ${message}`;
  if (message.trim() === "") return "threw an Error without a message";
  if (controls.test(message)) return `the message is not one line of text: ${JSON.stringify(message)}`;
  if (message.length > longest) return `the message has ${message.length} letters: ${message.slice(0, 200)}`;
  if (file !== undefined && !message.includes(file)) return `the message does not name the file: ${message}`;
  if (accidents.test(message)) return `the message is an accident's: ${message}`;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (["TypeError", "RangeError", "ReferenceError"].includes(cause.name) && accidents.test(cause.message)) {
      return `caused by an accident: ${cause.name}: ${cause.message}`;
    }
  }
  return undefined;
}

const prototypes = [Object, Array, Function, Map, Set, String, Number, Error, Promise, Uint8Array].map(
  (constructor) => constructor.prototype as object,
);

/** The names on the prototypes that every object shares; equal before and after, unless an input polluted them. */
export function countShared(): number {
  let count = 0;
  for (const prototype of prototypes) count += Reflect.ownKeys(prototype).length;
  return count;
}

/** A source of bytes that counts what is read of it. */
export function countReads(
  bytes: Uint8Array,
  name: string,
): ByteSource & { readonly counts: { reads: number; bytes: number } } {
  const source = bytesSource(bytes, { name });
  const counts = { reads: 0, bytes: 0 };
  return {
    ...source,
    counts,
    read(begin, length) {
      counts.reads++;
      counts.bytes += length;
      return source.read(begin, length);
    },
  };
}

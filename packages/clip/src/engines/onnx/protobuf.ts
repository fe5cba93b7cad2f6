// The wire format of Protocol Buffers, as far as an ONNX model needs it: writing only, fields in the order given.

/** A field of a message: a whole number, a float, text, or the bytes of a nested message. */
export type Field = readonly [number: number, value: number | bigint | Float | string | Uint8Array];

/** A number that is written as a 32-bit float; plain numbers are written as varints. */
export interface Float {
  readonly float: number;
}

const encoder = new TextEncoder();

/** Encodes a message. */
export function encodeMessage(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (typeof value === "number" || typeof value === "bigint") {
      parts.push(varint(number * 8), varint(value));
    } else if (typeof value === "object" && !(value instanceof Uint8Array)) {
      parts.push(varint(number * 8 + 5), new Uint8Array(Float32Array.of(value.float).buffer));
    } else {
      const bytes = typeof value === "string" ? encoder.encode(value) : value;
      parts.push(varint(number * 8 + 2), varint(bytes.length), bytes);
    }
  }
  return joinBytes(parts);
}

/** Parts of bytes in one piece. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Seven bits a byte, the lowest first; a negative number takes ten bytes, as a 64-bit integer in two's complement. */
function varint(value: number | bigint): Uint8Array {
  let left = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(left & 127n);
    left >>= 7n;
    bytes.push(left === 0n ? low : low | 128);
  } while (left !== 0n);
  return Uint8Array.from(bytes);
}

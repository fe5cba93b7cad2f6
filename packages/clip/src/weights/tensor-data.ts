import { decodeFloat16 } from "../float16.js";
import type { Floats } from "../floats.js";
import { printable } from "./printable.js";

/** Whole numbers with a shape, row-major; what integer and boolean tensors of a file become. */
export interface IntTensor {
  readonly data: Int32Array;
  readonly shape: readonly number[];
}

/** IEEE half-precision numbers as 16-bit patterns with a shape, row-major; a file's F16 tensor, to write one. */
export interface HalfTensor {
  readonly data: Uint16Array;
  readonly shape: readonly number[];
}

/** Bytes of one element, by the types of safetensors. */
export const bytesPerElement: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/**
 * Widens one tensor's bytes, exactly as many as its type and shape need, to float32 or int32. Bytes that are all of their
 * buffer, as a source reads them, are taken over where no widening is needed; others are copied: a copy is aligned, and does
 * not keep (or, sent to a worker, carry along) the whole file.
 */
export function decodeTensor(
  { name, dtype, shape }: { readonly name: string; readonly dtype: string; readonly shape: readonly number[] },
  bytes: Uint8Array,
): Floats | IntTensor {
  const whole = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
  const buffer = whole ? (bytes.buffer as ArrayBuffer) : new Uint8Array(bytes).buffer; // `slice` of a Node Buffer would not copy
  switch (dtype) {
    case "F32":
      return { data: new Float32Array(buffer), shape };
    case "F64":
      return { data: Float32Array.from(new Float64Array(buffer)), shape };
    case "F16":
      return { data: decodeFloat16(new Uint16Array(buffer)), shape };
    case "BF16":
      return { data: widenBrainFloat(new Uint16Array(buffer)), shape };
    case "I64":
      return { data: narrow(name, new BigInt64Array(buffer)), shape };
    case "U64":
      return { data: narrow(name, new BigUint64Array(buffer)), shape };
    case "U32":
      return { data: narrow(name, new Uint32Array(buffer)), shape };
    case "I32":
      return { data: new Int32Array(buffer), shape };
    case "I16":
      return { data: Int32Array.from(new Int16Array(buffer)), shape };
    case "U16":
      return { data: Int32Array.from(new Uint16Array(buffer)), shape };
    case "I8":
      return { data: Int32Array.from(new Int8Array(buffer)), shape };
    default:
      return { data: Int32Array.from(new Uint8Array(buffer)), shape };
  }
}

function narrow(name: string, values: BigInt64Array | BigUint64Array | Uint32Array): Int32Array {
  const data = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value !== (value | 0))
      throw new Error(`tensor "${printable(name)}" holds ${value}, which is not a 32-bit integer`);
    data[i] = value;
  }
  return data;
}

/** bfloat16 is the upper half of a float32. */
function widenBrainFloat(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  return new Float32Array(bits.buffer);
}

import { cost } from "./pickled.js";

/** Reads the parts of a pickle in order; every length is checked against what is left before anything is taken. */
export function createPickleReader(
  bytes: Uint8Array,
  { damaged, charge }: { damaged: (why: string) => Error; charge: (bytes: number) => void },
): PickleReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let position = 0;
  const take = (length: number): number => {
    if (length > bytes.length - position) {
      throw damaged(`${length} bytes are claimed at byte ${position}, ${bytes.length - position} are left`);
    }
    const begin = position;
    position += length;
    return begin;
  };
  const decode = (begin: number, end: number): string => {
    charge(cost.text + 2 * (end - begin));
    try {
      return utf8.decode(bytes.subarray(begin, end));
    } catch {
      throw damaged(`the text at byte ${begin} is not UTF-8`);
    }
  };
  return {
    get position() {
      return position;
    },
    byte: () => view.getUint8(take(1)),
    uint16: () => view.getUint16(take(2), true),
    uint32: () => view.getUint32(take(4), true),
    int32: () => view.getInt32(take(4), true),
    float64() {
      charge(cost.number);
      return view.getFloat64(take(8), false);
    },
    long(length) {
      charge(cost.number + length);
      const begin = take(length);
      let value = 0n;
      for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[begin + i] as number);
      const signed = BigInt.asIntN(8 * length, value);
      const small = Number(signed);
      return Number.isSafeInteger(small) ? small : signed;
    },
    text(length) {
      const begin = take(length);
      return decode(begin, begin + length);
    },
    bytes(length) {
      const begin = take(length);
      charge(cost.bytes + length);
      return new Uint8Array(bytes.subarray(begin, begin + length)); // `slice` of a Node Buffer would not copy
    },
    line() {
      const end = bytes.indexOf(0x0a, position);
      if (end < 0) throw damaged(`a name at byte ${position} does not end`);
      const begin = take(end + 1 - position);
      return decode(begin, end);
    },
    skipFrame() {
      const begin = take(8);
      const length = view.getBigUint64(begin, true);
      if (length > BigInt(bytes.length - position)) {
        throw damaged(`a frame of ${length} bytes at byte ${position}, ${bytes.length - position} are left`);
      }
    },
  };
}

/** The parts of a pickle. */
interface PickleReader {
  readonly position: number;
  byte(): number;
  uint16(): number;
  uint32(): number;
  int32(): number;
  float64(): number;
  /** A two's-complement integer: a number up to 2^53, else a bigint. */
  long(length: number): number | bigint;
  text(length: number): string;
  bytes(length: number): Uint8Array;
  /** Up to the end of the line, which is left out. */
  line(): string;
  /** A frame's length, checked; frames change nothing else. */
  skipFrame(): void;
}

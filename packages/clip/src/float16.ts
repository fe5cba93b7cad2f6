/**
 * Rounds float32 numbers to IEEE half precision and returns their 16-bit patterns: to nearest, ties to even, as NumPy and PyTorch do.
 * What is 65520 or larger becomes an infinity, NaN stays NaN, what is nearest to zero a zero of its sign.
 *
 * @example
 * ```ts
 * import { decodeFloat16, encodeFloat16 } from "@locoop/clip";
 *
 * console.log(decodeFloat16(encodeFloat16(new Float32Array([0.1])))[0]); // → 0.0999755859375
 * ```
 */
export function encodeFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const size = word & 0x7fffffff;
    let half: number;
    if (size < smallestNormal) {
      // Multiples of 2^-24; adding 2^52 leaves a double no room for less, and it rounds ties to even.
      half = Math.abs(values[i] as number) * 2 ** 24 + 2 ** 52 - 2 ** 52;
    } else if (size < 0x47800000) {
      // Below 65536: another exponent bias, 13 bits less. A carry out of the fraction is right, also into infinity.
      half = (size - 0x38000000 + 0xfff + ((size >> 13) & 1)) >> 13;
    } else half = size > 0x7f800000 ? 0x7e00 : 0x7c00;
    halves[i] = half | ((word >>> 16) & 0x8000);
  }
  return halves;
}

const smallestNormal = 0x38800000; // 2^-14 as float32

let table: Float32Array | undefined;

/**
 * Widens IEEE half precision, given as 16-bit patterns, to float32; exact.
 *
 * @example
 * ```ts
 * import { decodeFloat16 } from "@locoop/clip";
 *
 * console.log(decodeFloat16(new Uint16Array([0x3c00, 0xc000])).join()); // → 1,-2
 * ```
 */
export function decodeFloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  // Through a table of all 65,536 values: a model has some hundred million of them.
  table ??= Float32Array.from({ length: 65_536 }, (_, bits) => {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits >> 15 ? -1 : 1;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  });
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = table[halves[i] as number] as number;
  return floats;
}

/**
 * Rounds a number to IEEE half precision: to nearest, ties to even, as NumPy and PyTorch do. What is 65520 or larger becomes
 * infinite, zeros keep their sign, NaN stays NaN.
 */
export function roundToFloat16(value: number): number {
  const size = Math.abs(value);
  if (!(size < 65520)) return size >= 65520 ? Math.sign(value) * Infinity : NaN;
  // Neighbouring halves lie this far apart here. Where log2 itself errs, next to a power of two, either side's step gives that power.
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(size))) - 10);
  // Beyond 2^52 a double has no room for a fraction, and it rounds ties to even.
  const rounded = (size / step + 2 ** 52 - 2 ** 52) * step;
  return value < 0 || Object.is(value, -0) ? -rounded : rounded;
}

/** A picture as bytes: red, green, blue per pixel, row by row, [H,W,3]. */
export interface RgbImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Python's `round`: to the nearest whole number, halves to the even one. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** Throws unless the bytes are those of a picture of that size. */
export function checkImage({ data, width, height }: RgbImage): void {
  if (!isSide(width) || !isSide(height) || data.length !== width * height * 3) {
    throw new Error(
      `not an RGB picture: ${data.length} bytes for ${width} x ${height} pixels, expected ${width * height * 3}`,
    );
  }
}

/** Throws unless both sides are positive whole numbers. */
export function checkSize(width: number, height: number): void {
  if (!isSide(width) || !isSide(height))
    throw new Error(`a picture cannot be ${width} x ${height} pixels; sides are whole and above 0`);
}

function isSide(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

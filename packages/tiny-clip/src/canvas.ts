/** Side of every picture in pixels: the model's input size. */
export const SIDE = 64;

/** Pixels of one colour plane. */
export const AREA = SIDE * SIDE;

/** Anything that yields uniform numbers in [0, 1), such as `pythonRandom` of `@locoop/datasets`. */
export interface Uniform {
  random(): number;
}

/** Colours as floats in 0..1, planes of red, green, blue: [3, 64, 64]. */
export type Canvas = Float32Array;

/** A picture of 8-bit colours, [height, width, 3]. */
export interface RgbPicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The coordinate of a column or row in -1..1, ends included. */
export const coordinate = (index: number): number => (2 * index) / (SIDE - 1) - 1;

export const clamp01 = (value: number): number => Math.min(1, Math.max(0, value));

/** A uniform number in [low, high). */
export const between = (random: Uniform, low: number, high: number): number => low + (high - low) * random.random();

/** A uniform integer in 0 .. count - 1. */
export const below = (random: Uniform, count: number): number => Math.floor(random.random() * count);

/** A mix of vivid, pastel and dark colours. */
export function drawColour(random: Uniform): [number, number, number] {
  const rgb = [random.random(), random.random(), random.random()] as const;
  const saturation = random.random();
  const light = random.random();
  const mean = (rgb[0] + rgb[1] + rgb[2]) / 3;
  const mix = (value: number): number => clamp01((value - mean) * saturation + mean * 0.5 + 0.5 * light);
  return [mix(rgb[0]), mix(rgb[1]), mix(rgb[2])];
}

/** Adds normal noise (polar method: two numbers a go, no trigonometry). */
export function addNoise(canvas: Canvas, strength: number, random: Uniform): void {
  for (let index = 0; index < canvas.length; index += 2) {
    let x = 0;
    let y = 0;
    let square = 0;
    do {
      x = 2 * random.random() - 1;
      y = 2 * random.random() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = strength * Math.sqrt((-2 * Math.log(square)) / square);
    canvas[index] = canvas[index]! + x * factor;
    canvas[index + 1] = canvas[index + 1]! + y * factor;
  }
}

/** Fills a canvas between two colours: weight 0 is the first, 1 the second. */
export function blend(
  weight: (column: number, row: number) => number,
  from: readonly [number, number, number],
  to: readonly [number, number, number],
): Canvas {
  const canvas = new Float32Array(3 * AREA);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const share = clamp01(weight(column, row));
      for (let c = 0; c < 3; c++) canvas[c * AREA + row * SIDE + column] = from[c]! + (to[c]! - from[c]!) * share;
    }
  }
  return canvas;
}

/** The picture as bytes, rounded. */
export function toPicture(canvas: Canvas): RgbPicture {
  const data = new Uint8Array(3 * AREA);
  for (let pixel = 0; pixel < AREA; pixel++) {
    for (let c = 0; c < 3; c++) data[pixel * 3 + c] = Math.round(clamp01(canvas[c * AREA + pixel]!) * 255);
  }
  return { data, width: SIDE, height: SIDE };
}

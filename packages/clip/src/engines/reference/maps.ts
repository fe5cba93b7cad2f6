import type { Floats } from "../../floats.js";
import { sideAfter, sizeOf } from "../../ops.js";
import type { Doubles } from "./ops.js";

/** A convolution of maps [B,H,W,C] by its definition. */
export function convolve(
  x: Doubles,
  weight: Floats,
  bias: Floats,
  { stride, padding }: { stride: number; padding: number },
): Doubles {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [out, , size] = weight.shape as [number, number, number, number];
  const [rows, columns] = [height, width].map((side) => sideAfter(side, size, { stride, padding })) as [number, number];
  const shape = [batch, rows, columns, out];
  const data = new Float64Array(sizeOf(shape));
  const area = size * size;
  for (let at = 0; at < data.length; at += out) {
    const column = (at / out) % columns;
    const row = Math.floor(at / out / columns) % rows;
    const image = Math.floor(at / out / columns / rows);
    for (let o = 0; o < out; o++) {
      let sum = bias.data[o]!;
      for (let tap = 0; tap < area; tap++) {
        const i = row * stride - padding + Math.floor(tap / size);
        const j = column * stride - padding + (tap % size);
        if (i < 0 || i >= height || j < 0 || j >= width) continue;
        const from = ((image * height + i) * width + j) * channels;
        for (let c = 0; c < channels; c++) sum += x.data[from + c]! * weight.data[(o * channels + c) * area + tap]!;
      }
      data[at + o] = sum;
    }
  }
  return { data, shape };
}

/** Means of squares that lie side by side in maps [B,H,W,C]. */
export function averagePool(x: Doubles, size: number): Doubles {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const [rows, columns] = [Math.floor(height / size), Math.floor(width / size)];
  const shape = [batch, rows, columns, channels];
  const data = new Float64Array(sizeOf(shape));
  for (let at = 0; at < data.length; at++) {
    const [c, cell] = [at % channels, Math.floor(at / channels)];
    const [column, row] = [cell % columns, Math.floor(cell / columns) % rows];
    const image = Math.floor(cell / columns / rows);
    for (let tap = 0; tap < size * size; tap++) {
      const i = row * size + Math.floor(tap / size);
      const j = column * size + (tap % size);
      data[at]! += x.data[((image * height + i) * width + j) * channels + c]! / (size * size);
    }
  }
  return { data, shape };
}

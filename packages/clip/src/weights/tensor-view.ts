import type { Floats } from "../floats.js";
import type { TensorDtype, TensorRef } from "./pickled.js";
import { bytesPerElement, decodeTensor, type IntTensor } from "./tensor-data.js";

/** Bytes of one number as stored. */
export function bytesOf(dtype: TensorDtype): number {
  return bytesPerElement[dtype] as number;
}

/** How many numbers a tensor has. */
export function countOf({ shape }: Pick<TensorRef, "shape">): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** How many numbers of the storage lie between a tensor's first and last, both included. */
export function extentOf({ shape, strides }: Pick<TensorRef, "shape" | "strides">): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((at, side, axis) => at + (side - 1) * (strides[axis] as number), 1);
}

/** Whether a tensor's numbers lie in the storage one after the other, in row-major order. */
export function isContiguous({ shape, strides }: TensorRef): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const side = shape[axis] as number;
    if (side !== 1 && strides[axis] !== step) return false;
    step *= side;
  }
  return true;
}

/** Widens numbers that come in pieces, which may end inside a number; allocates only the result and one piece. */
export function createWidener({
  file,
  entry,
  dtype,
  shape,
}: {
  file: string;
  entry: string;
  dtype: TensorDtype;
  shape: readonly number[];
}): {
  push(bytes: Uint8Array): void;
  finish(): Floats | IntTensor;
} {
  const width = bytesOf(dtype);
  const count = countOf({ shape });
  const isFloat = dtype.includes("F");
  const data = isFloat ? new Float32Array(count) : new Int32Array(count);
  const pending = new Uint8Array(width);
  let waiting = 0;
  let done = 0;
  const write = (bytes: Uint8Array): void => {
    let part: Float32Array | Int32Array;
    try {
      part = decodeTensor({ name: entry, dtype, shape: [] }, bytes).data;
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
    }
    data.set(part, done);
    done += part.length;
  };
  return {
    push(bytes) {
      let rest = bytes;
      if (waiting > 0) {
        const taken = Math.min(width - waiting, rest.length);
        pending.set(rest.subarray(0, taken), waiting);
        waiting += taken;
        rest = rest.subarray(taken);
        if (waiting < width) return;
        write(pending);
      }
      waiting = rest.length % width;
      write(rest.subarray(0, rest.length - waiting));
      pending.set(rest.subarray(rest.length - waiting));
    },
    finish() {
      if (done !== count) throw new Error(`${file}: ${entry}: ended after ${done} of ${count} numbers`);
      return data instanceof Float32Array ? { data, shape } : { data, shape };
    },
  };
}

const blockBytes = 2 ** 18;

/** Copies a view out of the raw bytes of its extent, block by block, in row-major order. */
export function gather(
  raw: Uint8Array,
  { shape, strides, dtype }: TensorRef,
  onBlock: (bytes: Uint8Array) => void,
): void {
  const width = bytesOf(dtype);
  const count = countOf({ shape });
  const block = new Uint8Array(Math.min(blockBytes, count * width));
  const index = shape.map(() => 0);
  let from = 0; // of the current number, in elements
  let filled = 0;
  for (let i = 0; i < count; i++) {
    for (let byte = 0; byte < width; byte++) block[filled + byte] = raw[from * width + byte] as number;
    filled += width;
    if (filled === block.length) {
      onBlock(block);
      filled = 0;
    }
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  onBlock(block.subarray(0, filled));
}

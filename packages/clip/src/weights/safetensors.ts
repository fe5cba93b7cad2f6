import type { Floats } from "../floats.js";
import { parseSafetensorsHeader, readHeaderSize } from "./safetensors-header.js";
import { decodeTensor, type HalfTensor, type IntTensor } from "./tensor-data.js";

/**
 * Reads a safetensors file that is in memory: F32, F16, BF16 and F64 become float32, integers and booleans int32.
 * Every size is checked against the file before memory is taken; the tensors are copies, aligned and independent of `bytes`.
 * Throws one line that says what is wrong. Format: https://github.com/huggingface/safetensors#format
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from "@locoop/clip";
 *
 * const bytes = writeSafetensors({ context: { data: new Float32Array([1, 2]), shape: [1, 2] } }, { epoch: "50" });
 * const { tensors, metadata } = readSafetensors(bytes);
 * console.log(tensors.get("context")?.shape, metadata.epoch); // → 1,2 50
 * ```
 */
export function readSafetensors(bytes: Uint8Array): {
  tensors: Map<string, Floats | IntTensor>;
  metadata: Record<string, string>;
} {
  const size = readHeaderSize(bytes, bytes.byteLength);
  const header = parseSafetensorsHeader(bytes.subarray(8, 8 + size), bytes.byteLength);
  const tensors = new Map<string, Floats | IntTensor>();
  for (const entry of header.entries) {
    tensors.set(
      entry.name,
      decodeTensor(entry, bytes.subarray(header.dataStart + entry.begin, header.dataStart + entry.end)),
    );
  }
  return { tensors, metadata: header.metadata };
}

/**
 * Writes tensors as a safetensors file (float32 as F32, int32 as I32, 16-bit patterns of `encodeFloat16` as F16): names sorted,
 * header padded to eight bytes, so equal input gives equal bytes.
 * Throws if a shape does not fit its data. Format: https://github.com/huggingface/safetensors#format
 *
 * @example
 * ```ts
 * import { writeSafetensors } from "@locoop/clip";
 *
 * const bytes = writeSafetensors({ context: { data: new Float32Array(16 * 512), shape: [16, 512] } }, { epoch: "50" });
 * console.log(bytes.byteLength % 8); // → 0
 * ```
 */
export function writeSafetensors(
  tensors: Readonly<Record<string, Floats | IntTensor | HalfTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const names = Object.keys(tensors).sort();
  const description: [string, unknown][] = [];
  if (metadata) {
    description.push([
      "__metadata__",
      Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))),
    ]);
  }
  let position = 0;
  for (const name of names) {
    const { data, shape } = tensors[name] as Floats | IntTensor | HalfTensor;
    if (name === "__metadata__") throw new Error('"__metadata__" is not a name for a tensor; choose another');
    if (shape.reduce((product, side) => product * side, 1) !== data.length) {
      throw new Error(
        `tensor "${name}" has ${data.length} numbers, its shape [${shape.join(",")}] asks for another count`,
      );
    }
    const end = position + data.byteLength;
    const dtype = data instanceof Float32Array ? "F32" : data instanceof Uint16Array ? "F16" : "I32";
    description.push([name, { dtype, shape, data_offsets: [position, end] }]);
    position = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(description)));
  const dataStart = 8 + Math.ceil(json.byteLength / 8) * 8;
  const file = new Uint8Array(dataStart + position);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  file.fill(0x20, 8 + json.byteLength, dataStart);
  file.set(json, 8);
  let offset = dataStart;
  for (const name of names) {
    const { data } = tensors[name] as Floats | IntTensor | HalfTensor;
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

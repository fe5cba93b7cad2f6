import type { Random } from "../random.js";
import { chance, concat, integerBytes, interestingIntegers, mutateBytes, pick, utf8 } from "./bytes.test.kit.js";
import { mutateJsonText } from "./json.test.kit.js";

/** A safetensors file changed as bytes, or in the fields of its header with all lengths kept right, so that deeper checks are met. */
export function mutateSafetensors(
  bytes: Uint8Array,
  random: Random,
  others: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const parts = chance(random, 0.65) ? split(bytes) : undefined;
  if (!parts) return mutateBytes(bytes, random, others);
  const { header, data } = parts;
  const json = utf8(mutateJsonText(header, random));
  const padded = chance(random, 0.5) ? concat([json, new Uint8Array(random.integer(16)).fill(0x20)]) : json;
  const claimed = chance(random, 0.9) ? padded.length : pick(random, interestingIntegers);
  const kept = chance(random, 0.7) ? data : mutateBytes(data, random, others);
  const file = concat([integerBytes(claimed, 8), padded, kept]);
  return chance(random, 0.05) ? mutateBytes(file, random, others) : file;
}

/** Whole tensors only: the same file with data bytes beyond the header changed must load, with other numbers. */
function split(bytes: Uint8Array): { header: never; data: Uint8Array } | undefined {
  if (bytes.length < 8) return undefined;
  const size = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  try {
    return {
      header: JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size))) as never,
      data: bytes.subarray(8 + size),
    };
  } catch {
    return undefined;
  }
}

// The smallest ONNX model there is: Y = A * B, A given and B a weight, both `side` x `side` float32.
import { fill } from "../formula.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest > 127) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return out;
}

const number = (field: number, value: number): Uint8Array => Uint8Array.from([field * 8, ...varint(value)]);
const block = (field: number, ...parts: Uint8Array[]): Uint8Array => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [...varint(field * 8 + 2), ...varint(length)];
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

/** Bytes of the model, in ONNX's wire format (ModelProto of onnx.proto, IR version 8, operator set 17). */
export function matmulModel(side: number): Uint8Array {
  const float32 = 1;
  const dimension = block(1, number(1, side));
  const info = (field: number, name: string): Uint8Array =>
    block(field, block(1, bytes(name)), block(2, block(1, number(1, float32), block(2, dimension, dimension))));
  const raw = new Uint8Array(fill(1, [side, side], 1).data.buffer);
  const weight = block(5, number(1, side), number(1, side), number(2, float32), block(8, bytes("B")), block(9, raw));
  const node = block(1, block(1, bytes("A")), block(1, bytes("B")), block(2, bytes("Y")), block(4, bytes("MatMul")));
  const graph = block(7, node, block(2, bytes("peak")), weight, info(11, "A"), info(12, "Y"));
  const parts = [number(1, 8), graph, block(8, number(2, 17))];
  return Buffer.concat(parts);
}

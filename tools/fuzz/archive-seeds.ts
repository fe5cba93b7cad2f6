import { checksum, concat, integerBytes, utf8 } from "../../packages/clip/src/fuzz/bytes.test.kit.js";
import { joinZip, type ZipPart, type ZipStyle } from "../../packages/clip/src/fuzz/zip.test.kit.js";

/** A tensor of an archive to be written: a view of a storage, in elements. */
export interface Tensor {
  readonly name: string;
  /** As in `torch.<type>Storage`. */
  readonly type: string;
  readonly storage: string;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
  /** Takes the tensor of that place in the list instead of a new one. */
  readonly same?: number;
}

/** What `torch.save` writes for a state dict of these tensors, with the storages' bytes. */
export function makeArchive(
  tensors: readonly Tensor[],
  storages: Readonly<Record<string, Uint8Array>>,
  { numbers, wrapped = false, ...style }: { numbers?: (key: string) => number; wrapped?: boolean } & ZipStyle = {},
): Uint8Array<ArrayBuffer> {
  const pickle: Uint8Array[] = [ascii("\x80\x02")];
  if (wrapped) pickle.push(ascii("}"), text("state_dict"));
  pickle.push(ascii("}("));
  for (const [i, tensor] of tensors.entries()) {
    pickle.push(text(tensor.name));
    if (tensor.same !== undefined) {
      pickle.push(ascii("j"), integerBytes(tensor.same, 4));
      continue;
    }
    const { type, storage, offset = 0, shape } = tensor;
    const width = widths[type] ?? 4;
    const strides =
      tensor.strides ?? shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
    const length = numbers?.(storage) ?? Math.floor((storages[storage]?.length ?? 0) / width);
    pickle.push(
      ascii("ctorch._utils\n_rebuild_tensor_v2\n(("),
      text("storage"),
      ascii(`ctorch\n${type}Storage\n`),
      text(storage),
      text("cpu"),
      whole(length),
      ascii("tQ"),
      whole(offset),
      ascii("("),
      ...shape.map(whole),
      ascii("t("),
      ...strides.map(whole),
      ascii("t\x89}tRr"),
      integerBytes(i, 4),
    );
  }
  pickle.push(ascii("u"), ...(wrapped ? [ascii("s")] : []), ascii("."));
  const part = (name: string, data: Uint8Array): ZipPart => ({
    name: utf8(`model/${name}`),
    packed: data,
    method: 0,
    crc: checksum(data),
    size: data.length,
  });
  const parts = [
    part("data.pkl", concat(pickle)),
    part("byteorder", utf8("little")),
    ...Object.entries(storages).map(([key, data]) => part(`data/${key}`, data)),
    part("version", utf8("3\n")),
  ];
  return joinZip(parts, style).bytes;
}

const widths: Record<string, number> = {
  Double: 8,
  Float: 4,
  Half: 2,
  BFloat16: 2,
  Long: 8,
  Int: 4,
  Short: 2,
  Char: 1,
  Byte: 1,
  Bool: 1,
};

function ascii(letters: string): Uint8Array {
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

function text(value: string): Uint8Array {
  const bytes = utf8(value);
  return concat([ascii("X"), integerBytes(bytes.length, 4), bytes]);
}

function whole(value: number): Uint8Array {
  return Math.abs(value) < 2 ** 31
    ? concat([ascii("J"), integerBytes(value, 4)])
    : concat([ascii("\x8a\x08"), integerBytes(value, 8)]);
}

/** Sound archives with a tensor of every element type, views that share a storage, and strides. */
export function soundArchives(): Uint8Array<ArrayBuffer>[] {
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i % 8 === 0 ? i & 63 : 0));
  const types = Object.keys(widths);
  const each = types.map((type, i): Tensor => ({
    name: `layers.${i}.weight`,
    type,
    storage: String(i),
    shape: [3, 4],
  }));
  const storages = Object.fromEntries(types.map((type, i) => [String(i), bytes(12 * (widths[type] as number))]));
  const views: Tensor[] = [
    { name: "a", type: "Float", storage: "0", shape: [4, 6] },
    { name: "b", type: "Float", storage: "0", shape: [6, 4], strides: [1, 6] },
    { name: "c", type: "Float", storage: "0", offset: 5, shape: [2, 2], strides: [8, 3] },
    { name: "d", type: "Float", storage: "0", shape: [5], strides: [0] },
    { name: "e", type: "Float", storage: "0", shape: [0, 7] },
    { name: "f", type: "Float", storage: "0", offset: 3, shape: [] },
    { name: "g", type: "Float", storage: "0", shape: [], same: 0 },
  ];
  return [
    makeArchive(each, storages, { zip64: true, descriptors: true, alignment: 64 }),
    makeArchive(views, { "0": bytes(24 * 4) }, { wrapped: true }),
    makeArchive([{ name: "module.w", type: "Char", storage: "x", shape: [40] }], { x: bytes(40) }),
  ];
}

// Four tables, so that a word is taken at once. Source: zip specification (APPNOTE 4.4.7); "slicing-by-4", Kounavis and Berry 2008.
const tables = Array.from({ length: 4 }, () => new Int32Array(256));
for (let index = 0; index < 256; index++) {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  (tables[0] as Int32Array)[index] = value;
}
for (let step = 1; step < 4; step++) {
  for (let index = 0; index < 256; index++) {
    const value = (tables[step - 1] as Int32Array)[index] as number;
    (tables[step] as Int32Array)[index] = (value >>> 8) ^ ((tables[0] as Int32Array)[value & 255] as number);
  }
}
const [t0, t1, t2, t3] = tables as [Int32Array, Int32Array, Int32Array, Int32Array];

/** The CRC-32 of `bytes` after others whose CRC-32 is `before`, unsigned. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (t3[crc & 255] as number) ^
      (t2[(crc >>> 8) & 255] as number) ^
      (t1[(crc >>> 16) & 255] as number) ^
      (t0[crc >>> 24] as number);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (t0[(crc ^ (bytes[at] as number)) & 255] as number);
  return ~crc >>> 0;
}

// Writes packages/clip/src/resample-wasm.ts: the resize's two loops as a WebAssembly SIMD module, in base64. The assembler is
// an npm package that is installed in a temporary folder, never as a dependency. Run: node tools/make-resample-wasm.mjs
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const target = resolve(import.meta.dirname, "../packages/clip/src/resample-wasm.ts");
const assembler = "wabt@1.0.39";

const each = (count, line) => Array.from({ length: count }, (_, i) => line(i)).join("\n");
const interleaveLow = "i8x16.shuffle 0 16 1 17 2 18 3 19 4 20 5 21 6 22 7 23";
const interleaveHigh = "i8x16.shuffle 8 24 9 25 10 26 11 27 12 28 13 29 14 30 15 31";

// Sixteen bytes of two rows become four vectors of pairs; a product of pairs adds two taps at once. A weight has 23 bits, so
// it goes in two parts, high * 2^15 + low; sums wrap at 32 bits, which the whole sum fits in.
const tap = (half, quarter) => `
  (local.set $pairs (i16x8.extend_${half}_i8x16_u (local.get $mixed)))
  (local.set $h${quarter} (i32x4.add (local.get $h${quarter}) (i32x4.dot_i16x8_s (local.get $pairs) (local.get $high))))
  (local.set $l${quarter} (i32x4.add (local.get $l${quarter}) (i32x4.dot_i16x8_s (local.get $pairs) (local.get $low))))`;
const sum = (quarter) => `
  (i32x4.shr_s (i32x4.add (i32x4.shl (local.get $h${quarter}) (i32.const 15)) (local.get $l${quarter})) (i32.const 22))`;

// Output y is the weighted sum of rows first, first + 1, ...; its part of the table: first, the byte length of its weights,
// then for every two rows their high parts and their low parts, four numbers of 16 bits.
const columns = `
(func (export "columns") (param $table i32) (param $entry i32) (param $outputs i32)
  (param $source i32) (param $stride i32) (param $width i32) (param $target i32) (param $targetStride i32)
  (local $column i32) (local $rows i32) (local $a i32) (local $weight i32) (local $end i32)
  (local $first v128) (local $second v128) (local $mixed v128) (local $pairs v128) (local $high v128) (local $low v128)
  ${each(4, (i) => `(local $h${i} v128) (local $l${i} v128)`)}
  (loop $output
    (local.set $rows (i32.add (local.get $source) (i32.mul (i32.load (local.get $table)) (local.get $stride))))
    (local.set $end (i32.add (i32.add (local.get $table) (i32.const 8)) (i32.load offset=4 (local.get $table))))
    (local.set $column (i32.const 0))
    (loop $block
      (local.set $a (i32.add (local.get $rows) (local.get $column)))
      (local.set $weight (i32.add (local.get $table) (i32.const 8)))
      ${each(4, (i) => `(local.set $h${i} (v128.const i32x4 0 0 0 0))`)}
      ${each(4, (i) => `(local.set $l${i} (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))`)}
      (loop $taps
        (local.set $first (v128.load (local.get $a)))
        (local.set $a (i32.add (local.get $a) (local.get $stride)))
        (local.set $second (v128.load (local.get $a)))
        (local.set $a (i32.add (local.get $a) (local.get $stride)))
        (local.set $high (v128.load32_splat (local.get $weight)))
        (local.set $low (v128.load32_splat offset=4 (local.get $weight)))
        (local.set $mixed (${interleaveLow} (local.get $first) (local.get $second)))
        ${tap("low", 0)} ${tap("high", 1)}
        (local.set $mixed (${interleaveHigh} (local.get $first) (local.get $second)))
        ${tap("low", 2)} ${tap("high", 3)}
        (local.set $weight (i32.add (local.get $weight) (i32.const 8)))
        (br_if $taps (i32.lt_u (local.get $weight) (local.get $end))))
      (v128.store (i32.add (local.get $target) (local.get $column))
        (i8x16.narrow_i16x8_u
          (i16x8.narrow_i32x4_s ${sum(0)} ${sum(1)})
          (i16x8.narrow_i32x4_s ${sum(2)} ${sum(3)})))
      (local.set $column (i32.add (local.get $column) (i32.const 16)))
      (br_if $block (i32.lt_u (local.get $column) (local.get $width))))
    (local.set $table (i32.add (local.get $table) (local.get $entry)))
    (local.set $target (i32.add (local.get $target) (local.get $targetStride)))
    (local.set $outputs (i32.sub (local.get $outputs) (i32.const 1)))
    (br_if $output (local.get $outputs))))`;

// Tiles of 16 x 16 bytes, from the last to the first: a tile that writes beyond its row is set right by the next row's first.
// Row i of a tile is read at source + i * stride; four rounds of interleaving rows i and i + 8 exchange rows and columns.
const round = (from, to) =>
  each(8, (i) =>
    [interleaveLow, interleaveHigh]
      .map((op, k) => `(local.set $${to}${2 * i + k} (${op} (local.get $${from}${i}) (local.get $${from}${i + 8})))`)
      .join("\n"),
  );
const transpose = `
(func (export "transpose") (param $tiles i32) (param $source i32) (param $stride i32) (param $step i32)
  (param $target i32) (param $targetStride i32) (param $targetStep i32)
  (local $a i32)
  ${each(16, (i) => `(local $r${i} v128) (local $s${i} v128)`)}
  (local.set $source (i32.add (local.get $source) (i32.mul (local.get $tiles) (local.get $step))))
  (local.set $target (i32.add (local.get $target) (i32.mul (local.get $tiles) (local.get $targetStep))))
  (loop $tile
    (local.set $source (i32.sub (local.get $source) (local.get $step)))
    (local.set $target (i32.sub (local.get $target) (local.get $targetStep)))
    (local.set $a (local.get $source))
    ${each(16, (i) => `(local.set $r${i} (v128.load (local.get $a))) ${i < 15 ? "(local.set $a (i32.add (local.get $a) (local.get $stride)))" : ""}`)}
    ${round("r", "s")} ${round("s", "r")} ${round("r", "s")} ${round("s", "r")}
    (local.set $a (local.get $target))
    ${each(16, (i) => `(v128.store (local.get $a) (local.get $r${i})) ${i < 15 ? "(local.set $a (i32.add (local.get $a) (local.get $targetStride)))" : ""}`)}
    (local.set $tiles (i32.sub (local.get $tiles) (i32.const 1)))
    (br_if $tile (local.get $tiles))))`;

const text = `(module (memory (export "memory") 1) ${columns} ${transpose})`;

const work = mkdtempSync(join(tmpdir(), "resample-wasm-"));
try {
  execFileSync("npm", ["install", "--prefix", work, "--ignore-scripts", "--no-save", "--no-audit", assembler]);
  const { default: wabt } = await import(pathToFileURL(join(work, "node_modules/wabt/index.js")).href);
  const parsed = (await wabt()).parseWat("resample.wat", text, { simd: true });
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  if (buffer.length > 4096) throw new Error(`the module has ${buffer.length} bytes; browsers compile 4096 at once`);
  const lines = Buffer.from(buffer)
    .toString("base64")
    .match(/.{1,110}/g);
  writeFileSync(
    target,
    `// Written by tools/make-resample-wasm.mjs with ${assembler}; do not edit.
/** The loops of the resize as a WebAssembly SIMD module of ${buffer.length} bytes, in base64. */
export const resampleWasm: string =
${lines.map((line) => `  "${line}"`).join(" +\n")};
`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}

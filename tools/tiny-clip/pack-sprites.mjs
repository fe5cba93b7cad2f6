// The package's sprite sheets and concepts.json from DATA: node pack-sprites.mjs DATA ASSETS
// Main objects keep 72 px; clutter is drawn at 16-38 % of a 64 px picture, so half the size is enough (2 x 2 means).
import fs from "node:fs";
import path from "node:path";
import sharp from "sharp";

const [data, assets] = process.argv.slice(2);
if (!assets) throw new Error("usage: node pack-sprites.mjs DATA ASSETS");
sharp.concurrency(1);

const COLUMNS = 16;
const DESIGNS = ["fluent-emoji-flat", "fluent-emoji"];
const { size } = JSON.parse(fs.readFileSync(path.join(data, "sprites.json"), "utf8"));
const pixels = fs.readFileSync(path.join(data, "sprites.bin"));
const roles = JSON.parse(fs.readFileSync(path.join(data, "roles.json"), "utf8"));

/** Mean of 2 x 2 pixels, weighted by alpha (the mean of the premultiplied picture, divided by alpha again). */
function halve(sprite, side) {
  const half = side / 2;
  const out = Buffer.alloc(half * half * 4);
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < half; x++) {
      const sums = [0, 0, 0, 0];
      for (const [dy, dx] of [
        [0, 0],
        [0, 1],
        [1, 0],
        [1, 1],
      ]) {
        const at = ((2 * y + dy) * side + 2 * x + dx) * 4;
        const alpha = sprite[at + 3];
        for (let c = 0; c < 3; c++) sums[c] += sprite[at + c] * alpha;
        sums[3] += alpha;
      }
      const to = (y * half + x) * 4;
      for (let c = 0; c < 3; c++) out[to + c] = sums[3] > 0 ? Math.round(sums[c] / sums[3]) : 0;
      out[to + 3] = Math.round(sums[3] / 4);
    }
  }
  return out;
}

async function writeSheet(file, sprites, side) {
  const rows = Math.ceil(sprites.length / COLUMNS);
  const width = COLUMNS * side;
  const sheet = Buffer.alloc(width * rows * side * 4);
  sprites.forEach((sprite, index) => {
    for (let y = 0; y < side; y++) {
      const row = Math.floor(index / COLUMNS) * side + y;
      sprite.copy(sheet, (row * width + (index % COLUMNS) * side) * 4, y * side * 4, (y + 1) * side * 4);
    }
  });
  await sharp(sheet, { raw: { width, height: rows * side, channels: 4 } })
    .webp({ nearLossless: true, quality: 60, alphaQuality: 100, effort: 6 })
    .toFile(path.join(assets, "sprites", file));
}

const spriteOf = (concept, design) => {
  const at = concept.sprites[design] * size * size * 4;
  return pixels.subarray(at, at + size * size * 4);
};
const objects = [...roles.id, ...roles.near, ...Object.values(roles.ood).flat()];
const clutter = roles.clutter;
fs.mkdirSync(path.join(assets, "sprites"), { recursive: true });
for (const [index, design] of DESIGNS.entries()) {
  const large = objects.map((concept) => spriteOf(concept, index));
  await writeSheet(`objects-${design}.webp`, large, size);
  const small = clutter.map((concept) => halve(spriteOf(concept, index), size));
  await writeSheet(`clutter-${design}.webp`, small, size / 2);
}

// Sprites lie row by row in the order of these lists: ID, near-OOD, the three OOD sets; clutter in sheets of its own.
const unseen = new Set(roles.unseen);
const names = (concepts) => concepts.map(({ name }) => name);
const neverNamed = Object.values(roles.ood).flat().filter(({ id }) => unseen.has(id));
const ood = Object.fromEntries(Object.entries(roles.ood).map(([set, list]) => [set.replace("+", "-and-"), names(list)]));
const sheets = { designs: DESIGNS, columns: COLUMNS, objectSide: size, clutterSide: size / 2 };
const concepts = { sheets, id: names(roles.id), nearOod: names(roles.near), ood, neverNamed: names(neverNamed), clutter: names(clutter) };
fs.writeFileSync(path.join(assets, "concepts.json"), `${JSON.stringify(concepts, null, 2)}\n`);
console.log(`${objects.length} objects and ${clutter.length} clutter concepts, ${DESIGNS.length} designs each`);

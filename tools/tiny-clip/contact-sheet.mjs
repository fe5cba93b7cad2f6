// A look at a drawn benchmark: node contact-sheet.mjs BENCHMARK OUT.png : some pictures of every folder, one row each.
import fs from "node:fs";
import path from "node:path";
import sharp from "sharp";

const [benchmark, out] = process.argv.slice(2);
if (!out) throw new Error("usage: node contact-sheet.mjs BENCHMARK OUT.png (BENCHMARK: a folder made by drawBenchmark)");

const SIDE = 96;
const COLUMNS = 14;
const picturesUnder = (folder) =>
  fs
    .readdirSync(path.join(benchmark, folder), { recursive: true })
    .filter((name) => name.endsWith(".png"))
    .sort()
    .map((name) => path.join(benchmark, folder, name));
const folders = [
  "train",
  "val",
  "test",
  "ood/plants-and-food",
  "ood/scenes",
  "ood/vehicles-and-things",
  "ood/textures",
  "near-ood",
  "never-named",
];
const tiles = [];
for (const [row, folder] of folders.entries()) {
  const all = picturesUnder(folder);
  for (let column = 0; column < COLUMNS; column++) {
    const step = (all.length - 1) / (COLUMNS - 1);
    const picture = all[Math.round(column * step)];
    const input = await sharp(picture).resize(SIDE, SIDE, { kernel: "nearest" }).toBuffer();
    tiles.push({ input, left: column * (SIDE + 2), top: row * (SIDE + 2) });
  }
}
const sheet = { width: COLUMNS * (SIDE + 2), height: folders.length * (SIDE + 2), channels: 3, background: "white" };
await sharp({ create: sheet }).composite(tiles).png().toFile(out);

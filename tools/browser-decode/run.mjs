// How far decodeImage in a real browser is from readImage in Node (which is Pillow's bytes): node tools/browser-decode/run.mjs.
// With a folder of pictures as its argument it measures those as well.
// Needs a build and Chromium (CHROMIUM names another one). Fails when a picture is further off than its bound.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { preprocess } from "@locoop/clip";
import { readImage } from "@locoop/clip/node";
import { build } from "esbuild";
import sharp from "sharp";

const chromium = process.env.CHROMIUM ?? "chromium";
const fixtures = join(import.meta.dirname, "../../packages/clip/fixtures");
const list = (folder, pattern) =>
  readdirSync(join(fixtures, folder))
    .filter((name) => pattern.test(name))
    .map((name) => join(fixtures, folder, name));
const good = [...list("preprocess/files", /./), ...list("preprocess-more", /\.(png|jpg|gif|webp|avif)$/)];
if (process.argv[2] !== undefined) {
  const wanted = /\.(png|jpe?g|gif|webp|avif)$/i;
  good.push(
    ...readdirSync(process.argv[2])
      .filter((name) => wanted.test(name))
      .map((name) => join(process.argv[2], name)),
  );
}
const bad = list("preprocess/bad", /^(?!large_)/);
const files = [...good, ...bad];

// Greatest difference of a decoded byte from Node, where a picture is not Pillow's bytes anyway: none but for CMYK.
const boundOf = async (path) => ((await sharp(path).metadata()).space === "cmyk" ? 1 : 0);
const read = (path) => JSON.parse(readFileSync(join(fixtures, path), "utf8"));
const pillow = new Map(
  [...read("preprocess/preprocess.json").test, ...read("preprocess-more/expected.json").pictures].map((row) => [
    row.file,
    row.decoded_sha256,
  ]),
);

const { outputFiles } = await build({
  entryPoints: [join(import.meta.dirname, "page.mjs")],
  bundle: true,
  format: "esm",
  platform: "browser",
  write: false,
  logLevel: "error",
});
const results = new Map();
let finish;
const finished = new Promise((resolve, reject) => {
  finish = resolve;
  setTimeout(() => reject(new Error("the browser did not finish in two minutes")), 120_000).unref();
});
async function answer(request, response) {
  const [, kind, index] = request.url.split("/");
  if (request.method === "POST") {
    const parts = [];
    for await (const part of request) parts.push(part);
    if (kind === "done") finish(Buffer.concat(parts).toString());
    else results.set(Number(index), Buffer.concat(parts));
    response.end();
  } else if (kind === "page.js") {
    response.setHeader("content-type", "text/javascript").end(outputFiles[0].text);
  } else if (kind === "count") {
    response.end(String(files.length));
  } else if (kind === "file") {
    response.end(readFileSync(files[Number(index)]));
  } else {
    response
      .setHeader("content-type", "text/html")
      .end('<!doctype html><script type="module" src="/page.js"></script>');
  }
}
const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
await once(server, "listening");

const profile = mkdtempSync(join(tmpdir(), "browser-decode-"));
const flags = [
  "--headless",
  "--no-sandbox",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--no-first-run",
  `--user-data-dir=${profile}`,
];
const browser = spawn(chromium, [...flags, `http://127.0.0.1:${server.address().port}/`], { stdio: "ignore" });
browser.on("error", (error) => {
  console.error(`${chromium} does not start: ${error.message}`);
  process.exit(1);
});
const gone = once(browser, "exit");
try {
  await Promise.race([finished, gone.then(() => Promise.reject(new Error("the browser ended before it was done")))]);
} finally {
  browser.kill();
  await gone;
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}

const difference = (a, b) => {
  let max = 0;
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const off = Math.abs(a[i] - b[i]);
    max = Math.max(max, off);
    sum += off;
  }
  return { max, mean: sum / a.length };
};
const show = ({ max, mean }) => `${max} / ${mean.toFixed(3)}`;

const version = execFileSync(chromium, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
console.log(`${version}, compared with readImage on Node ${process.version}\n`);
console.log("| picture | decoded: max / mean | at 224: max / mean | Pillow's bytes |\n| --- | --- | --- | --- |");
const failed = [];
let exact = 0;
for (const [i, path] of good.entries()) {
  const name = basename(path);
  const result = results.get(i);
  const image = await readImage(path);
  const size = 224 * 224 * 3;
  if (result.length !== 8 + size + image.data.length || result.readUInt32LE(0) !== image.width) {
    failed.push(`${name}: ${result.subarray(0, 200)}`);
    continue;
  }
  const decoded = difference(image.data, result.subarray(8 + size));
  if (decoded.max === 0) {
    exact++;
    continue;
  }
  const prepared = difference(preprocess(image, 224), result.subarray(8, 8 + size));
  const isPillow =
    createHash("sha256")
      .update(result.subarray(8 + size))
      .digest("hex") === pillow.get(name);
  console.log(`| ${name} | ${show(decoded)} | ${show(prepared)} | ${isPillow ? "the browser's" : "Node's"} |`);
  const bound = await boundOf(path);
  if (!isPillow && decoded.max > bound) failed.push(`${name}: ${show(decoded)}, bound ${bound}`);
}
console.log(`\n${exact} of ${good.length} pictures are equal byte for byte. Bad ones:\n`);
for (const [i, path] of bad.entries()) {
  const result = results.get(good.length + i);
  const text = result.length > 500 ? "decoded" : result.toString();
  console.log(`- ${basename(path)}: ${text}`);
  // Of a JPEG whose middle is damaged, browsers and Pillow show what they can.
  if (text === "decoded" && basename(path) !== "garbage_in_the_middle.jpg") failed.push(`${basename(path)}: decoded`);
}
for (const line of failed) console.error(`FAILED ${line}`);
process.exitCode = failed.length > 0 ? 1 : 0;

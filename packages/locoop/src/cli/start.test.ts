// What the command line loads before it has a command to run: help must come at once, on the slowest machine too.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const pkg = resolve(import.meta.dirname, "../..");
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-start-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const dataUrl = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;

/** Runs `locoop` and lists the files it loaded: ES modules by a loader hook, CommonJS ones by its cache at the end. */
async function loadedFiles(...args: readonly string[]): Promise<string[]> {
  const log = join(dir, `${args.join("-")}.txt`);
  const append = `import { appendFileSync } from "node:fs";
    const log = (file) => appendFileSync(${JSON.stringify(log)}, file + "\\n");`;
  const hook = `${append}
    export async function load(url, context, next) { log(url); return next(url, context); }`;
  const start = `${append}
    import { createRequire, register } from "node:module";
    register(${JSON.stringify(dataUrl(hook))});
    process.on("exit", () => Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache).forEach(log));`;
  const command = [join(pkg, "bin/locoop.js"), ...args];
  // A failing command has loaded its files as well.
  await promisify(execFile)(process.execPath, ["--import", dataUrl(start), ...command], { cwd: dir }).catch(() => {});
  const lines = (await readFile(log, "utf8")).trim().split("\n");
  const files = lines.filter((line) => !/^(node|data):/.test(line));
  return files.map((file) => (file.startsWith("file:") ? fileURLToPath(file) : file));
}

// "commander" for a file of a package, "bin/locoop.js" for one of ours.
const nameOwner = (file: string): string => {
  const inside = file.split(/[\\/]node_modules[\\/]/).at(-1)!;
  return inside === file ? relative(pkg, file).replaceAll("\\", "/") : inside.split(/[\\/]/)[0]!;
};

describe("start", () => {
  it.each([
    "--help",
    "--version",
    "train --help",
    "evaluate --help",
    "detect --help",
    "visualize --help",
    "demo --help",
    "download --help",
    "train --shots none",
  ])("%s loads the option parser and nothing heavy", async (line) => {
    const owners = new Set((await loadedFiles(...line.split(" "))).map(nameOwner));
    expect(owners).toContain("dist/cli/main.js");
    // Files of sibling packages would read "../clip/dist/...".
    expect([...owners].filter((owner) => !/^(bin|dist)\//.test(owner)).toSorted()).toEqual([
      "commander",
      "package.json",
    ]);
  });

  it("sees what a command loads", async () => {
    const owners = (await loadedFiles("detect", "none.png", "--run", "none")).map(nameOwner);
    expect(owners).toEqual(expect.arrayContaining(["dist/cli/detect.js", "@tensorflow"]));
  });
});

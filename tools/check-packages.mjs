// Tests the packages as packages: lints their manifests, packs each, installs the tarballs in an empty folder,
// imports every entry in plain Node, bundles the browser-safe entries and runs the command line from there.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const run = (command, args, cwd = root) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const folders = readdirSync(join(root, "packages")).filter((name) =>
  existsSync(join(root, "packages", name, "package.json")),
);
const manifests = folders.map((folder) => ({
  folder: join(root, "packages", folder),
  ...JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8")),
}));

const work = mkdtempSync(join(tmpdir(), "locoop-packages-"));
try {
  const tarballs = manifests.map((manifest) => {
    run("npx", ["publint", "--strict", manifest.folder]);
    const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", work], manifest.folder));
    const files = packed.files.map((file) => file.path);
    for (const needed of ["LICENSE", "README.md", "package.json"]) {
      if (!files.includes(needed)) throw new Error(`${manifest.name}: the tarball lacks ${needed}`);
    }
    const stray = files.filter((file) => /\.test\.|\/fixtures\/|tsbuildinfo/.test(file));
    if (stray.length > 0) throw new Error(`${manifest.name}: the tarball holds ${stray.join(", ")}`);
    const tarball = join(work, packed.filename);
    run("npx", ["attw", tarball, "--profile", "esm-only", "--format", "ascii"]);
    console.log(`${manifest.name}: ${files.length} files, ${(packed.size / 1024).toFixed(0)} kB packed`);
    return tarball;
  });

  const app = mkdtempSync(join(work, "app-"));
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...tarballs], app);

  // "./testing" entries need vitest, a peer that only their users have.
  const entries = manifests.flatMap(({ name, exports }) =>
    Object.keys(exports)
      .filter((entry) => entry !== "./package.json" && entry !== "./testing")
      .map((entry) => name + entry.slice(1)),
  );
  writeFileSync(
    join(app, "imports.mjs"),
    entries
      .map(
        (entry) =>
          `{ const names = Object.keys(await import(${JSON.stringify(entry)})); if (names.length === 0) throw new Error("${entry} exports nothing"); console.log("imported ${entry}:", names.length, "names"); }`,
      )
      .join("\n"),
  );
  process.stdout.write(run("node", ["imports.mjs"], app));

  const nodeOnly = new Set(["@locoop/datasets", "@locoop/tiny-clip"]);
  const safe = manifests.map(({ name }) => name).filter((name) => !nodeOnly.has(name));
  for (const name of [...safe, "@locoop/clip/browser", "@locoop/datasets/order", "@locoop/tiny-clip/draw"]) {
    const result = await build({
      stdin: { contents: `export * from ${JSON.stringify(name)};`, resolveDir: app },
      bundle: true,
      format: "esm",
      platform: "browser",
      minify: true,
      write: false,
      logLevel: "error",
    });
    const text = result.outputFiles[0].text;
    if (/from"node:|require\("node:/.test(text)) throw new Error(`${name}: its browser bundle asks for a Node module`);
    console.log(`bundled ${name} for a browser: ${(text.length / 1024).toFixed(0)} kB minified`);
  }

  const help = run(join(app, "node_modules", ".bin", "locoop"), ["--help"], app);
  if (!help.includes("evaluate")) throw new Error("locoop --help does not name its commands");
  console.log("locoop --help runs from the installed tarballs");
} finally {
  rmSync(work, { recursive: true, force: true });
}

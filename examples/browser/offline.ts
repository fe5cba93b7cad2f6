import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "vite";

/** What only larger weights or the drawn benchmark need: kept when it is first asked for. */
const later = /^(ort|onnx|merges-(?!small)|objects|clutter)/;

/** Writes the service worker: which files a visit without a network needs, and a version that changes with them. */
export function offline(): Plugin {
  return {
    name: "offline",
    apply: "build",
    async writeBundle({ dir }) {
      const assets = (await readdir(join(dir!, "assets"))).filter((name) => !later.test(name)).sort();
      const page = await readFile(join(dir!, "index.html"));
      const source = await readFile(join(import.meta.dirname, "src/service-worker.js"), "utf8");
      const version = createHash("sha256").update(page).update(assets.join("\n")).update(source).digest("hex");
      const files = ["./", ...assets.map((name) => `./assets/${name}`)];
      const text = source.replace("__VERSION__", version.slice(0, 16)).replace("__FILES__", JSON.stringify(files));
      await writeFile(join(dir!, "service-worker.js"), text);
    },
  };
}

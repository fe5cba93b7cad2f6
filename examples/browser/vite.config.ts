import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { offline } from "./offline.js";

const require = createRequire(import.meta.url);
const wasm = dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json"));

// Threads need shared memory, which browsers give to isolated pages only.
const isolated = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/**
 * The wasm backend hands the text of its factory to its threads. A variable around that function, which minifiers rename, would be
 * missing there; without it the factory asks for files by the paths that it is given anyway.
 */
function threadsFromText(): Plugin {
  return {
    name: "threads-from-text",
    enforce: "pre",
    transform: {
      filter: { id: /tfjs-backend-wasm-threaded-simd\.js$/ },
      handler: (code) =>
        code.replace('typeof _scriptDir !== "undefined" && _scriptDir', "false").replace("||_scriptDir,", ","),
    },
  };
}

export default defineConfig({
  root: dirname(fileURLToPath(import.meta.url)),
  base: "./", // the built folder works wherever it is put
  resolve: {
    conditions: ["@locoop/source", "module", "browser", "production"],
    alias: [
      // The union package would bring layers, converters, data and two backends that the page does not use.
      { find: /^@tensorflow\/tfjs$/, replacement: join(import.meta.dirname, "src/worker/tensorflow.ts") },
      // Its package.json points bundlers at the whole; the sources can be shaken.
      { find: /^@tensorflow\/tfjs-backend-wasm$/, replacement: join(wasm, "dist/index.js") },
    ],
  },
  plugins: [threadsFromText(), offline()],
  worker: { format: "es", plugins: () => [threadsFromText()] },
  build: { target: "es2022", outDir: "dist", emptyOutDir: true, assetsInlineLimit: 0 },
  server: { headers: isolated },
  preview: { headers: isolated },
});

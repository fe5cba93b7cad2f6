// Builds the page and serves the built files, as any static server would; with or without the headers that isolate it.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { build } from "vite";

const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** The built page on a server of its own. */
export interface Site {
  readonly folder: string;
  readonly url: string;
  /** The paths that were asked for, in order. */
  readonly requests: string[];
  /** Stops answering, as without a network. */
  offline: boolean;
  close(): Promise<void>;
}

/** Builds the page into a folder of its own. */
export async function buildPage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "locoop-page-"));
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production"; // the test runner says "test", and Vite builds for what it reads there
  await build({
    root: join(import.meta.dirname, ".."),
    configFile: join(import.meta.dirname, "../vite.config.ts"),
    logLevel: "error",
    build: { outDir: folder, emptyOutDir: true },
  });
  process.env["NODE_ENV"] = before;
  return folder;
}

/** Serves a folder. */
export async function serve(folder: string, { isolated }: { isolated: boolean }): Promise<Site> {
  const requests: string[] = [];
  const site = { offline: false };
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, "http://x").pathname));
    requests.push(path);
    if (site.offline) {
      request.socket.destroy();
      return;
    }
    const file = path.endsWith("/") ? `${path}index.html` : path;
    readFile(join(folder, file)).then(
      (bytes) => {
        response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
        if (isolated) {
          response.setHeader("cross-origin-opener-policy", "same-origin");
          response.setHeader("cross-origin-embedder-policy", "require-corp");
        }
        response.end(bytes);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(site, {
    folder,
    url: `http://127.0.0.1:${port}/`,
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}

/** Removes what was built. */
export const removePage = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

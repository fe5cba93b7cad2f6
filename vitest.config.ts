import { defineConfig } from "vitest/config";

// Tests read the packages' sources: the "@locoop/source" condition of each export map, so no build is needed.
// Worker entries and the command line are the exception: `npm test` builds first.
const packages = ["ood-metrics", "clip", "prompt-learning", "datasets", "locoop", "tiny-clip"];
const setup = new URL("tools/test-setup.ts", import.meta.url).pathname;
const conditions = ["@locoop/source", "node", "import", "module", "default"];

const project = (name: string, root: string, include: string[]) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { name, root, include, testTimeout: 120_000, restoreMocks: true, setupFiles: [setup] },
});

export default defineConfig({
  test: {
    projects: [
      ...packages.map((name) => project(name, `packages/${name}`, ["src/**/*.test.ts"])),
      project("docs", "docs", ["**/*.test.ts"]),
      project("examples", "examples", ["**/*.test.ts"]),
      project("bench", "bench", ["src/**/*.test.ts"]),
    ],
  },
});

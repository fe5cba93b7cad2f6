import { defineConfig } from "vitest/config";

// Tests read the packages' sources: the "@locoop/source" condition of each export map, so no build is needed.
// Worker entries are the exception: `npm test` builds first.
const packages = ["ood-metrics", "clip", "prompt-learning", "datasets", "locoop", "tiny-clip"];
const conditions = ["@locoop/source", "node", "import", "module", "default"];

export default defineConfig({
  test: {
    projects: packages.map((name) => ({
      resolve: { conditions },
      ssr: { resolve: { conditions } },
      test: { name, root: `packages/${name}`, include: ["src/**/*.test.ts"], testTimeout: 60_000 },
    })),
  },
});

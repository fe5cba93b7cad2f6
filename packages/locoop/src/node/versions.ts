import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

/** The installed version of a package, or "not installed". */
export async function versionOf(name: string): Promise<string> {
  for (const folder of require.resolve.paths(name) ?? []) {
    const text = await readFile(join(folder, name, "package.json"), "utf8").catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version?: string }).version ?? "unknown";
  }
  return "not installed";
}

/** The version of locoop itself. */
export async function ownVersion(): Promise<string> {
  const path = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "package.json");
  return (JSON.parse(await readFile(path, "utf8")) as { version: string }).version;
}

/** Versions of everything of ours and below us that takes part in a run. */
export async function runVersions(): Promise<Record<string, string>> {
  const names = ["@locoop/clip", "@locoop/datasets", "@locoop/ood-metrics", "@locoop/prompt-learning", "sharp"];
  const found = await Promise.all(names.map(async (name) => [name, await versionOf(name)] as const));
  return { locoop: await ownVersion(), ...Object.fromEntries(found), node: process.versions.node };
}

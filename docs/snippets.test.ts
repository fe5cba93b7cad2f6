import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

// Every TypeScript fence of the READMEs, the guides and the doc comments is a program: it is run as it stands.
// `console.log(x); // → text` in a fence is also an expectation: what is printed must be that text.

interface Snippet {
  readonly name: string;
  readonly code: string;
}

const root = resolve(import.meta.dirname, "..");
const folder = join(import.meta.dirname, ".snippets");

function listFiles(directory: string, wanted: (path: string) => boolean): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory())
      return ["node_modules", "dist", "fixtures", "api"].includes(entry.name) ? [] : listFiles(path, wanted);
    return wanted(path) ? [path] : [];
  });
}

function findSnippets(path: string): Snippet[] {
  const isSource = path.endsWith(".ts");
  const text = readFileSync(path, "utf8");
  const fences = isSource ? /^ *\* ```ts\n((?: *\*.*\n)*?) *\* ```$/gm : /^```ts\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(fences)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    const code = isSource ? (match[1] ?? "").replaceAll(/^ *\* ?/gm, "") : (match[1] ?? "");
    return { name: `${relative(root, path)}:${line}`, code };
  });
}

const markdown = [
  join(root, "README.md"),
  ...listFiles(join(root, "docs"), (path) => path.endsWith(".md")),
  ...listFiles(join(root, "examples"), (path) => path.endsWith(".md")),
  ...listFiles(join(root, "packages"), (path) => path.endsWith("README.md")),
];
const sources = listFiles(join(root, "packages"), (path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each(
  [...markdown, ...sources]
    .map((path) => [relative(root, path), findSnippets(path)] as const)
    .filter(([, found]) => found.length > 0),
)("%s", (_path, snippets) => {
  it.each(snippets.map((snippet) => [snippet.name, snippet.code] as const))("%s runs", async (name, code) => {
    const file = join(folder, `${name.replaceAll(/[^a-zA-Z0-9]+/g, "-")}.ts`);
    writeFileSync(file, `${code}\nexport {};\n`);
    const printed: string[] = [];
    const log = vi
      .spyOn(console, "log")
      .mockImplementation((...values: unknown[]) => void printed.push(values.map(String).join(" ")));
    try {
      await import(/* @vite-ignore */ file);
    } finally {
      log.mockRestore();
    }
    const expected = [...code.matchAll(/console\.log\(.*\); *\/\/ → (.*)$/gm)].map((match) => match[1]);
    expect(printed).toEqual(expect.arrayContaining(expected));
  });
});

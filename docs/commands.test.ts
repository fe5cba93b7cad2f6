import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../packages/locoop/src/cli/main.js";

// Every `locoop ...` line in a shell fence of the READMEs and guides names a command and options that exist: they are looked up in
// the help of the real program, which is not run.

interface Line {
  readonly where: string;
  readonly words: readonly string[];
}

const root = resolve(import.meta.dirname, "..");
const commands = [
  "train",
  "evaluate",
  "report",
  "detect",
  "visualize",
  "demo",
  "download",
  "convert",
  "datasets check",
  "datasets import",
  "completion",
];

const markdown = [
  "README.md",
  "CONTRIBUTING.md",
  "examples/README.md",
  ...readdirSync(join(root, "docs/guide")).map((name) => `docs/guide/${name}`),
  ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`),
].map((path) => join(root, path));

/** Words of a shell line, quotes respected, up to a comment, pipe, redirection or second command. */
function splitWords(line: string): string[] {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)];
  const end = words.findIndex(([whole]) => /^(#.*|[|>&;]+|\d?>.*)$/.test(whole));
  return (end < 0 ? words : words.slice(0, end)).map(([, double, single, plain]) => double ?? single ?? plain ?? "");
}

function findLines(path: string): Line[] {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((fence) => {
    const first = text.slice(0, fence.index).split("\n").length + 1;
    // A backslash joins lines; their number stays that of the first.
    const joined = (fence[1] ?? "").replaceAll("\\\n", " ").split("\n");
    return joined.flatMap((line, i) => {
      const words = splitWords(line.replace(/^\$ /, "").replace(/^npx /, ""));
      return words[0] === "locoop" ? [{ where: `${relative(root, path)}:${first + i}`, words: words.slice(1) }] : [];
    });
  });
}

/** A command's options by name, true if the option takes a value, as its help lists them. */
const options = new Map<string, Map<string, boolean>>();
const usage = new Map<string, string>();

async function readHelp(...args: readonly string[]): Promise<string> {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  try {
    if ((await main([...args, "--help"])) !== 0) throw new Error(`locoop ${args.join(" ")} --help failed`);
  } finally {
    write.mockRestore();
  }
  return printed.join("");
}

beforeAll(async () => {
  for (const command of commands) {
    const help = await readHelp(...command.split(" "));
    const found = [...help.matchAll(/^ {2}(?:-\w, )?--([a-z-]+)( <[^>]+>)?/gm)];
    options.set(command, new Map(found.map(([, name, value]) => [name ?? "", value !== undefined])));
    usage.set(command, /^Usage: (.*)$/m.exec(help)?.[1] ?? "");
  }
});

/** How many arguments a usage line takes: `<pictures...>` at least one, `[name]` at most one. */
function countArguments(line: string): [number, number] {
  const names = [...line.matchAll(/(<|\[)([a-z]+)(\.\.\.)?[>\]]/g)].filter(([, , name]) => name !== "options");
  const least = names.filter(([, bracket]) => bracket === "<").length;
  return [least, names.some(([, , , dots]) => dots) ? Infinity : names.length];
}

/** The name of a line's command, of one word or two, and what follows. */
function splitCommand(words: readonly string[]): [command: string, rest: readonly string[]] {
  const length = commands.includes(words.slice(0, 2).join(" ")) ? 2 : 1;
  return [words.slice(0, length).join(" "), words.slice(length)];
}

const lines = markdown.flatMap(findLines);

it("knows all commands", async () => {
  // A command without options has commands of its own.
  const list = async (...words: string[]): Promise<string[]> => {
    const found = [...(await readHelp(...words)).matchAll(/^ {2}([a-z]+)( \[options\]| {2})/gm)];
    const names: string[] = [];
    for (const [, name = "", kind] of found)
      names.push(...(kind === "  " ? await list(...words, name) : [[...words, name].join(" ")]));
    return names;
  };
  expect((await list()).sort()).toEqual([...commands].sort());
});

it("finds command lines in the documentation", () => {
  expect(lines.length).toBeGreaterThan(20);
  expect(new Set(lines.map(({ words }) => splitCommand(words)[0]))).toEqual(new Set(commands));
});

describe("documented command lines", () => {
  it.each(lines.map(({ where, words }) => [where, words] as const))("%s exists", (_where, words) => {
    const [command, rest] = splitCommand(words);
    const known = options.get(command);
    expect(known, `locoop has no command "${command}"`).toBeDefined();
    const positionals: string[] = [];
    const given = new Set<string>();
    for (let i = 0; i < rest.length; i++) {
      const word = rest[i] ?? "";
      if (!word.startsWith("--")) {
        positionals.push(word);
        continue;
      }
      const name = word.slice(2);
      expect([...(known?.keys() ?? [])], `locoop ${command}`).toContain(name);
      given.add(name);
      if (known?.get(name)) expect(rest[++i] ?? "--", `${word} takes a value`).not.toMatch(/^--/);
    }
    if (given.has("help")) return;
    const [least, most] = countArguments(usage.get(command) ?? "");
    expect(positionals.length, `arguments of locoop ${command}`).toBeGreaterThanOrEqual(least);
    expect(positionals.length, `arguments of locoop ${command}`).toBeLessThanOrEqual(most);
    const required: Record<string, string[]> = {
      train: ["data", "weights"],
      "datasets import": ["data", "out"],
    };
    const published = given.has("checkpoint") ? ["checkpoint", "weights", "class-names"] : ["run"];
    const needed = ["detect", "visualize"].includes(command) ? published : (required[command] ?? []);
    for (const name of needed) expect([...given]).toContain(name);
  });
});

describe("docs/guide/command-line.md", () => {
  const guide = readFileSync(join(root, "docs/guide/command-line.md"), "utf8");
  it.each(commands)("names every option of %s", (command) => {
    const names = [...(options.get(command)?.keys() ?? [])].filter((name) => name !== "help");
    const section = guide.split(/^## /m).find((part) => part.startsWith(command)) ?? "";
    const shared = guide.split(/^## /m)[0] ?? "";
    for (const name of names) expect(section + shared).toContain(`--${name}`);
  });
});

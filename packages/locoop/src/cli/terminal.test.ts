// How commands behave towards terminals, pipes and signals.
import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tinyClipPaths } from "@locoop/tiny-clip";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bin, draw, type Result, runLocoop } from "./command.test.kit.js";

let dir: string;
const locoop = (...args: readonly string[]): Promise<Result> => runLocoop(dir, args);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-terminal-"));
  for (const [name, colour] of Object.entries({ cat: [200, 30, 30], frog: [30, 180, 40] } as const)) {
    await mkdir(join(dir, "data", name), { recursive: true });
    for (let i = 0; i < 3; i++) await draw(join(dir, "data", name, `${i}.png`), colour, `${name}/${i}`);
  }
  const { weights } = tinyClipPaths();
  const fast = ["--shots", "2", "--epochs", "1", "--views", "1", "--contexts", "2", "--threads", "1"];
  const { code, stderr } = await locoop("train", "--data", "data", "--weights", weights, "--out", "run", ...fast);
  if (code !== 0) throw new Error(stderr);
}, 180_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Waits for a text on a stream of a process. */
const waitFor = (child: ChildProcess, stream: "stdout" | "stderr", text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = "";
    child[stream]!.on("data", (part: Buffer) => {
      said += part.toString();
      if (said.includes(text)) resolve(said);
    });
    child.on("close", () => reject(new Error(`ended without "${text}": ${said}`)));
  });

describe("wrong calls are one line", () => {
  it.each([
    [["trian"], "error: unknown command 'trian'; did you mean train? (locoop --help says more)\n"],
    [["datasets", "chek"], "error: unknown command 'chek'; did you mean check? (locoop datasets --help says more)\n"],
    // Although --weights is required.
    [
      ["train", "--wieghts", "x"],
      "error: unknown option '--wieghts'; did you mean --weights? (locoop train --help says more)\n",
    ],
    [["train", "--seed", "1"], "error: required: --data <dir>, --weights <file> (locoop train --help says more)\n"],
    [
      ["demo", "--threads", "0"],
      "error: option '--threads <n>' argument '0' is invalid: expected a whole number of 1 or more (locoop demo --help says more)\n",
    ],
  ])("%j", async (args, stderr) => expect(await locoop(...args)).toEqual({ code: 2, stdout: "", stderr }));
});

describe("detect", () => {
  it("prints a line for each picture, and with --quiet nothing else", async () => {
    const { code, stdout, stderr } = await locoop("detect", "--run", "run", "data", "--threads", "1", "-q");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(6);
    for (const line of lines)
      expect(line).toMatch(/^data.(cat|frog).\d\.png +(cat|frog|none of these) .*gl-mcm [\d.]+ (>=|< ) [\d.]+/);
  });

  it("prints a line of JSON for each, or one document, not both", async () => {
    const args = ["detect", "--run", "run", "data/cat", "--threads", "1"];
    const lines = await locoop(...args, "--json-lines");
    const whole = await locoop(...args, "--json");
    const { pictures, score, threshold } = JSON.parse(whole.stdout) as {
      pictures: object[];
      score: string;
      threshold: number;
    };
    expect(
      lines.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toEqual(pictures.map((picture) => ({ ...picture, scoreName: score, threshold })));
    expect(await locoop(...args, "--json", "--json-lines")).toMatchObject({ code: 2, stdout: "" });
    const refused = await locoop(...args, "--json", "--watch");
    expect(refused.stderr).toBe(
      "error: --json prints one document at the end, and --watch has no end; take --json-lines\n",
    );
    expect(refused.code).toBe(2);
    const file = await locoop("detect", "--run", "run", "data/cat/0.png", "--watch");
    expect(file).toMatchObject({ code: 2, stdout: "" });
  });

  it("colours where FORCE_COLOR asks for it, and never with NO_COLOR", async () => {
    const run = (env: Record<string, string>): Promise<string> =>
      new Promise((resolve) => {
        const child = spawn(
          process.execPath,
          [bin, "detect", "--run", "run", "data/cat/0.png", "-q", "--threads", "1"],
          {
            cwd: dir,
            env: { ...process.env, ...env },
            stdio: ["ignore", "pipe", "inherit"],
          },
        );
        let out = "";
        child.stdout.on("data", (part: Buffer) => (out += part.toString()));
        child.on("close", () => resolve(out));
      });
    expect(await run({ FORCE_COLOR: "1", NO_COLOR: "" })).toContain("\u001b[");
    expect(await run({ NO_COLOR: "1" })).not.toContain("\u001b[");
  });

  it("ends quietly when nobody reads on", async () => {
    const child = spawn(process.execPath, [bin, "detect", "--run", "run", "data", "--threads", "1"], { cwd: dir });
    child.stdout.destroy();
    let said = "";
    child.stderr.on("data", (part: Buffer) => (said += part.toString()));
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    expect(said).not.toMatch(/error|EPIPE|Error/);
  });

  it("watches a folder, goes on after what is no picture, and ends with 0 at Ctrl-C", async () => {
    await mkdir(join(dir, "inbox"));
    await copyFile(join(dir, "data/cat/0.png"), join(dir, "inbox/first.png"));
    const args = ["detect", "--run", "run", "inbox", "--watch", "--json-lines", "--threads", "1"];
    const child = spawn(process.execPath, [bin, ...args], { cwd: dir });
    await waitFor(child, "stdout", "first.png");
    const bad = waitFor(child, "stdout", "bad.png");
    await writeFile(join(dir, "inbox/bad.png"), "no picture");
    expect(await bad).toContain('"error":"not a picture');
    const last = waitFor(child, "stdout", "last.png");
    await copyFile(join(dir, "data/frog/0.png"), join(dir, "inbox/last.part"));
    await rename(join(dir, "inbox/last.part"), join(dir, "inbox/last.png"));
    expect(await last).toContain('"className"');
    const summary = waitFor(child, "stderr", "watched: 3 pictures");
    const ended = new Promise((resolve) => child.on("close", resolve));
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(await summary).toContain("1 unreadable");
  });
});

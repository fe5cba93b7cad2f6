// The scripts as shells take them; bash is there wherever these tests run, zsh and fish are asked only where they are.
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runLocoop } from "./command.test.kit.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-completion-"));
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout, stderr } = await runLocoop(dir, ["completion", shell]);
    if (code !== 0) throw new Error(stderr);
    await writeFile(join(dir, `locoop.${shell}`), stdout);
  }
  await mkdir(join(dir, "my pictures"));
  await writeFile(join(dir, "my weights.safetensors"), "");
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const has = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;

describe("bash", () => {
  const complete = (...words: readonly string[]): string[] => {
    const script = `source locoop.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _locoop; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", script, "bash", "locoop", ...words], {
      cwd: dir,
      encoding: "utf8",
    });
    // `compopt` speaks of a completion that no terminal asked for, and the script silences it.
    expect(stderr).toBe("");
    return stdout.split("\n").filter(Boolean);
  };

  it("parses", () => {
    expect(spawnSync("bash", ["-n", "locoop.bash"], { cwd: dir, encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  it.each([
    [["de"], ["detect", "demo"]],
    [
      ["datasets", ""],
      ["check", "import"],
    ],
    [["datasets", "check", "--de"], ["--decode"]],
    [["train", "--eng"], ["--engine"]],
    [
      ["train", "--engine", ""],
      ["onnx", "tfjs"],
    ],
    [["train", "--engine", "=", "t"], ["tfjs"]],
    [["train", "--activation", "g"], ["gelu"]],
    [["train", "--data", "my"], ["my pictures"]],
    [["train", "--weights", "my w"], ["my weights.safetensors"]],
    [["train", "--shots", ""], []],
    // A picture of the name of a command is no command.
    [
      ["detect", "train", "--js"],
      ["--json", "--json-lines"],
    ],
    [["detect", "my w"], ["my weights.safetensors"]],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["--ver"], ["--version"]],
  ])("%j", (words, expected) => expect(complete(...words)).toEqual(expected));

  it("completes every option of every command's help", async () => {
    const { stdout } = await runLocoop(dir, ["evaluate", "--help"]);
    const named = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(10);
    expect(complete("evaluate", "--").sort()).toEqual(named.sort());
  });
});

it.skipIf(!has("zsh"))("zsh parses its script", () => {
  expect(spawnSync("zsh", ["-n", "locoop.zsh"], { cwd: dir, encoding: "utf8" })).toMatchObject({
    status: 0,
    stderr: "",
  });
});

it.skipIf(!has("fish"))("fish completes by its script", () => {
  const script = "source locoop.fish; complete -C 'locoop train --engine '";
  const { stdout } = spawnSync("fish", ["--no-config", "-c", script], { cwd: dir, encoding: "utf8" });
  expect(stdout.split("\n").map((line) => line.split("\t")[0])).toEqual(["onnx", "tfjs", ""]);
});

it("names the shells that there are", async () => {
  const { code, stderr } = await runLocoop(dir, ["completion", "tcsh"]);
  expect(stderr).toMatch(/^error: .*'tcsh' is invalid.*bash, zsh, fish \(locoop completion --help says more\)\n$/);
  expect(code).toBe(2);
});

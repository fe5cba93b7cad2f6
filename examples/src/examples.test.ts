import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { drawBenchmark, tinyClipPaths } from "@locoop/tiny-clip";
import { afterAll, beforeAll, expect, it } from "vitest";

// Every example as its reader runs it: compiled, in a process of its own, on drawn pictures and the toy CLIP.
const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const example = (name: string): string => join(root, `examples/dist/${name}.js`);
const { weights } = tinyClipPaths();
const classes = 5;
let dir: string;

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function node(...args: readonly string[]): Promise<Result> {
  try {
    return { code: 0, ...(await run(process.execPath, args, { cwd: dir, maxBuffer: 1 << 26 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as Result;
    return { code, stdout, stderr };
  }
}
const locoop = (words: string, ...more: readonly string[]): Promise<Result> =>
  node(join(root, "packages/locoop/bin/locoop.js"), ...words.split(" "), ...more);

beforeAll(async () => {
  // Incremental: nothing to do where the build is fresh.
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b", "examples"], { cwd: root });
  dir = await mkdtemp(join(tmpdir(), "locoop-examples-"));
  const drawn = join(dir, "drawn");
  await drawBenchmark({ dir: drawn, seed: 1, trainPerClass: 3, validationPerClass: 0, testPerClass: 2, ood: 6 });
  // Some of it as a folder of class folders, and in the layout of ImageNet and the four sets.
  const names = (await readdir(join(drawn, "train"))).sort().slice(0, classes);
  for (const [i, name] of names.entries()) {
    await cp(join(drawn, "train", name), join(dir, "my-pictures", name), { recursive: true });
    await cp(join(drawn, "test", name), join(dir, "test-pictures", name), { recursive: true });
    await cp(join(drawn, "train", name), join(dir, `paper/images/train/n${i}`), { recursive: true });
    await cp(join(drawn, "test", name), join(dir, `paper/images/val/n${i}`), { recursive: true });
  }
  await writeFile(
    join(dir, "paper/classnames.txt"),
    names.map((name, i) => `n${i} ${name.replaceAll("_", " ")}\n`).join(""),
  );
  const sets = {
    iNaturalist: "plants-and-food",
    SUN: "scenes",
    Places: "vehicles-and-things",
    "Texture/images": "textures",
  };
  for (const [name, folder] of Object.entries(sets)) {
    await mkdir(join(dir, "paper", name), { recursive: true });
    await cp(join(drawn, "ood", folder), join(dir, "paper", name), { recursive: true });
  }
}, 180_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

it("trains with a learner of one's own and evaluates with a score of one's own", async () => {
  const trained = await locoop(
    "train --data my-pictures --out run --shots 2 --epochs 2 --views 1 --threads 1 --learner",
    example("own-learner"),
    "--weights",
    weights,
  );
  expect(trained).toMatchObject({ code: 0 });
  const { settings } = JSON.parse(await readFile(join(dir, "run/config.json"), "utf8")) as {
    settings: { method: string; learnerOptions: object };
  };
  expect(settings).toMatchObject({ method: "shifted-template", learnerOptions: { template: "a photo of a {}." } });

  const { code, stdout } = await locoop(
    "evaluate --run run --id test-pictures --ood scenes=drawn/ood/scenes --threads 1 --json --score",
    `mcm,${example("own-score")}`,
  );
  expect(code).toBe(0);
  const { summary } = JSON.parse(stdout) as { summary: { methods: { method: string; scores: { score: string }[] }[] } };
  expect(summary.methods[0]?.method).toBe("shifted-template");
  expect(summary.methods[0]?.scores.map(({ score }) => score)).toEqual(["mcm", "margin"]);
});

it("trains and detects on one's own pictures", async () => {
  const pictures = ["scenes", "textures"].map((name) => join(dir, "drawn/ood", name));
  const paths = (
    await Promise.all(pictures.map(async (folder) => join(folder, (await readdir(folder)).sort()[0]!)))
  ).sort();
  const { code, stdout } = await node(
    example("own-pictures"),
    "my-pictures",
    weights,
    ...paths,
    "--shots",
    "2",
    "--epochs",
    "5",
  );
  expect(code).toBe(0);
  const lines = stdout.trim().split("\n");
  expect(lines).toHaveLength(paths.length);
  for (const [i, line] of lines.entries()) {
    const [, path, verdict, score, threshold] = /^(.+): (.+) \((\d\.\d{3}), threshold (\d\.\d{3})\)$/.exec(line) ?? [];
    expect(path).toBe(paths[i]);
    if (score !== threshold) expect(verdict === "none of these").toBe(Number(score) < Number(threshold));
  }
});

it("reproduces the paper's table in small, and goes on where it stopped", async () => {
  const args = ["--data", "paper", "--weights", weights, "--shots", "1", "--epochs", "2", "--threads", "1"];
  const wrong = await node(example("reproduce-paper"), "--nope");
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect(wrong.stderr).toMatch(/^error: Unknown option '--nope'[^\n]*\n$/);
  const refused = await node(example("reproduce-paper"), ...args);
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain("imagenet/val: expected 50000 pictures, found 10");
  expect(refused.stderr).toContain("Texture: expected 5640 pictures, found 6");
  expect(existsSync(join(dir, "runs"))).toBe(false);

  const { code, stdout, stderr } = await node(example("reproduce-paper"), ...args, "--allow-other-counts");
  expect(stderr).toContain("locoop, seed 3: train done");
  expect(code).toBe(0);
  expect(stdout).toContain("| zero-shot | gl-mcm | published | 15.2 / 96.7 |");
  for (const method of ["CoOp", "LoCoOp"])
    for (const score of ["mcm", "gl-mcm"]) expect(stdout).toContain(`| ${method} 1-shot | ${score} | here |`);
  expect(stdout).not.toContain("1-shot | mcm | published"); // none is verified
  const seeds = await readdir(join(dir, "runs/paper/locoop-1shots"));
  expect(seeds.sort()).toEqual(["seed1", "seed2", "seed3"]);
  expect(await readdir(join(dir, "runs/paper/coop-1shots/seed1/scores"))).toHaveLength(5);
  expect(existsSync(join(dir, "runs/paper/report-1shots/report.html"))).toBe(true);

  const before = await readFile(join(dir, "runs/paper/locoop-1shots/seed3/config.json"));
  const again = await node(example("reproduce-paper"), ...args, "--allow-other-counts");
  expect(again.code).toBe(0);
  expect(again.stdout).toBe(stdout);
  expect(again.stderr).not.toContain("train done");
  expect(await readFile(join(dir, "runs/paper/locoop-1shots/seed3/config.json"))).toEqual(before);
}, 240_000);

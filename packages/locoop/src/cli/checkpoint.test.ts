import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Floats, readSafetensors } from "@locoop/clip";
import { tinyClipPaths } from "@locoop/tiny-clip";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeDasslCheckpoint } from "../node/published.test.kit.js";
import { draw, type Result, runLocoop } from "./command.test.kit.js";

const { weights } = tinyClipPaths();
let dir: string;

const locoop = (...args: readonly string[]): Promise<Result> => runLocoop(dir, args);
const judge = ["--weights", weights, "--class-names", "names.txt", "--threads", "1"];

interface Evaluated {
  checkpoints: { path: string; method: string; seed: number; contexts: number }[];
  emulated?: string;
  summary: { methods: { method: string; seeds: number[]; accuracy: object; scores: { score: string }[] }[] };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-checkpoint-"));
  for (const [name, colour] of Object.entries({ cat: [200, 30, 30], frog: [30, 180, 40] } as const)) {
    await mkdir(join(dir, "data", name), { recursive: true });
    for (let i = 0; i < 3; i++) await draw(join(dir, "data", name, `${i}.png`), colour, `${name}/${i}`);
  }
  await cp(join(dir, "data"), join(dir, "id"), { recursive: true });
  for (const name of ["cat", "frog"]) await draw(join(dir, "id", name, "new.png"), [90, 90, 40], `new/${name}`);
  await mkdir(join(dir, "ood"));
  for (let i = 0; i < 3; i++) await draw(join(dir, "ood", `${i}.png`), [20, 40, 220], `ood/${i}`);
  await writeFile(join(dir, "names.txt"), "cat\nfrog\n");
  const fast = ["--shots", "2", "--epochs", "1", "--views", "1", "--contexts", "2", "--threads", "1"];
  const { code, stderr } = await locoop("train", "--data", "data", "--weights", weights, "--out", "run", ...fast);
  if (code !== 0) throw new Error(stderr);
  const { tensors } = readSafetensors(await readFile(join(dir, "run/prompt.safetensors")));
  const contexts = tensors.get("contexts") as Floats;
  const out = join(dir, "LoCoOp/vit_ep50_2shots/nctx2_cscFalse_ctpend");
  await writeDasslCheckpoint(join(out, "seed1/prompt_learner/model.pth.tar-50"), contexts);
  const other = { ...contexts, data: contexts.data.map((value) => -value) };
  await writeDasslCheckpoint(join(out, "seed2/prompt_learner/model.pth.tar-50"), other);
}, 180_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

const seed = (n: number): string => `LoCoOp/vit_ep50_2shots/nctx2_cscFalse_ctpend/seed${n}`;

describe("evaluate --checkpoint", () => {
  const sets = ["--id", "id", "--ood", "blue=ood", "--threads", "1", "--json"];

  it("gives the numbers of the run with the same contexts, also after convert", async () => {
    expect((await locoop("convert", seed(1), "ctx.safetensors")).code).toBe(0);
    const { code, stdout, stderr } = await locoop(
      "evaluate",
      "--run",
      "run",
      "--checkpoint",
      seed(1),
      "--checkpoint",
      "ctx.safetensors",
      ...sets,
    );
    expect(stderr).toContain("2 contexts, stored as F32, epoch 50; class name at the position end");
    expect(code).toBe(0);
    const { summary, checkpoints } = JSON.parse(stdout) as Evaluated;
    expect(checkpoints.map(({ method, seed: number, contexts }) => [method, number, contexts])).toEqual([
      ["LoCoOp", 1, 2],
      ["published prompt", undefined, 2],
    ]);
    const [run, ...published] = summary.methods;
    expect(summary.methods.map(({ method }) => method)).toEqual(["LoCoOp", "LoCoOp, published", "published prompt"]);
    for (const { scores, accuracy } of published)
      expect({ scores, accuracy }).toEqual({ scores: run!.scores, accuracy: run!.accuracy });
  });

  it("takes a mean over seeds, and says when scores are emulated, in the report too", async () => {
    const both = ["--checkpoint", seed(1), "--checkpoint", seed(2), "--weights", weights];
    const { code, stdout, stderr } = await locoop(
      "evaluate",
      ...both,
      ...sets,
      "--emulate-fp16-scores",
      "--out",
      "report",
    );
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
    const { summary, emulated } = JSON.parse(stdout) as Evaluated;
    expect(summary.methods.map(({ method, seeds }) => [method, seeds])).toEqual([["LoCoOp", [1, 2]]]);
    expect(summary.methods[0]!.scores.map(({ score }) => score)).toEqual(["mcm-float16", "gl-mcm-float16"]);
    expect(emulated).toContain("float16 rounding of LoCoOp's Python code");
    const report = await readFile(join(dir, "report/report.md"), "utf8");
    expect(report).toContain("float16 rounding of LoCoOp's Python code");
    expect(report).toContain("Which pictures a checkpoint was trained on is not known");
  });

  it.each([
    [["--checkpoint", "nothing", "--weights", weights], 1, /no such file: nothing/],
    [["--checkpoint", seed(1)], 2, /--checkpoint needs --weights FILE/],
    [["--checkpoint", seed(1), "--checkpoint", `${seed(1)}/`, "--weights", weights], 2, /comes twice/],
    [["--position", "end", "--weights", weights], 2, /--position goes with --checkpoint/],
    [["--weights", weights, "--emulate-fp16-scores", "--score", "mcm,energy"], 2, /got "energy"/],
  ])("%j ends with %d", async (args, expected, reason) => {
    const { code, stdout, stderr } = await locoop("evaluate", ...args, ...sets);
    expect(stderr).toMatch(reason);
    expect([code, stdout]).toEqual([expected, ""]);
  });
});

describe("detect and visualize --checkpoint", () => {
  it("judge by a threshold that is calibrated or given", async () => {
    const base = ["detect", "ood", "--checkpoint", seed(1), ...judge, "--json"];
    const calibrated = await locoop(...base, "--calibration", "id");
    expect(calibrated.code).toBe(0);
    const found = JSON.parse(calibrated.stdout) as {
      threshold: number;
      score: string;
      calibration: { origin: string; pictures: number };
      pictures: { className: string; score: number; isId: boolean }[];
    };
    expect(found).toMatchObject({ score: "gl-mcm", calibration: { origin: "folder", pictures: 8 } });
    const given = await locoop(...base, "--threshold", "-1", "--score", "mcm", "--emulate-fp16-scores");
    expect(given.code).toBe(0);
    const all = JSON.parse(given.stdout) as typeof found;
    expect(all).toMatchObject({ score: "mcm-float16", threshold: -1, calibration: { origin: "option" } });
    expect(all.pictures.map(({ isId, score }) => [isId, Number.isInteger(score * 2 ** 12)])).toEqual([
      [true, true],
      [true, true],
      [true, true],
    ]);
  });

  it("paint regions", async () => {
    const { code, stdout } = await locoop("visualize", "id/cat/new.png", "--checkpoint", seed(1), ...judge);
    expect(stdout).toMatch(/of 64 regions are ID-irrelevant for "cat" \(by its folder\)/);
    expect(code).toBe(0);
  });

  it("do as a run does with the same threshold", async () => {
    const of = async (...args: readonly string[]): Promise<unknown> =>
      (
        JSON.parse(
          (await locoop("detect", "ood", ...args, "--threshold", "0.5", "--threads", "1", "--json")).stdout,
        ) as { pictures: unknown }
      ).pictures;
    expect(await of("--checkpoint", seed(1), ...judge)).toEqual(await of("--run", "run"));
  });

  it.each([
    [["detect", "ood"], /give either --run DIR or --checkpoint FILE/],
    [["detect", "ood", "--run", "run", "--checkpoint", "x"], /give either --run DIR or --checkpoint FILE/],
    [["detect", "ood", "--checkpoint", "x"], /--checkpoint needs --weights/],
    [["detect", "ood", "--checkpoint", "x", "--weights", weights], /--checkpoint needs --class-names/],
    [["detect", "ood", "--run", "run", "--position", "end"], /--position goes with --checkpoint/],
    [
      ["detect", "ood", "--run", "run", "--emulate-fp16-scores"],
      /--emulate-fp16-scores needs a threshold: --calibration/,
    ],
    [["detect", "ood", "--checkpoint", seed(1), ...judge], /--checkpoint needs a threshold: --calibration/],
    [["detect", "ood", "--run", "run", "--threshold", "x"], /expected a number/],
    [["visualize", "ood"], /give either --run DIR or --checkpoint FILE/],
  ])("%j is called wrongly", async (args, reason) => {
    const { code, stdout, stderr } = await locoop(...args);
    expect(stderr).toMatch(reason);
    expect([code, stdout]).toEqual([2, ""]);
  });
});

describe("convert", () => {
  it("says what it wrote, and refuses to write over it", async () => {
    const first = await locoop("convert", seed(1), "once.safetensors", "--half");
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^once\.safetensors: learned prompt, tensor ctx/) as string,
    });
    const again = await locoop("convert", seed(1), "once.safetensors");
    expect(again.stderr).toContain("error: once.safetensors exists; choose another name, or replace it with --force");
    expect(again.code).toBe(2);
    expect((await locoop("convert", seed(1), "once.safetensors", "--force", "--json")).code).toBe(0);
  });
});

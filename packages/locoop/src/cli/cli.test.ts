import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { readSafetensors, writeSafetensors, type Floats } from "@locoop/clip";
import { tinyClipPaths } from "@locoop/tiny-clip";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bin, draw, type Result, runFile, runLocoop } from "./command.test.kit.js";

const root = resolve(import.meta.dirname, "../../../..");
const { weights } = tinyClipPaths();
let dir: string;
let data: string;

const locoop = (...args: readonly string[]): Promise<Result> => runLocoop(dir, args);

const train = (out: string, ...more: readonly string[]): readonly string[] => [
  "train",
  "--data",
  data,
  "--weights",
  weights,
  "--out",
  out,
  "--shots",
  "3",
  "--epochs",
  "3",
  "--views",
  "2",
  "--contexts",
  "4",
  "--threads",
  "1",
  ...more,
];

const readFiles = async (folder: string, names: readonly string[]): Promise<string[]> =>
  Promise.all(
    names.map(async (name) =>
      createHash("sha256")
        .update(await readFile(join(folder, name)))
        .digest("hex"),
    ),
  );
const bits = (folder: string): Promise<string[]> =>
  readFiles(folder, ["prompt.safetensors", "class-features.safetensors", "metrics.jsonl", "split.json"]);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-cli-"));
  data = join(dir, "data");
  const colours = { "<script>alert(1)<script>": [200, 30, 30], frog: [30, 180, 40] } as const;
  for (const [name, colour] of Object.entries(colours)) {
    await mkdir(join(data, name), { recursive: true });
    for (let i = 0; i < 5; i++) await draw(join(data, name, `${i}.png`), colour, `${name}/${i}`);
  }
  await mkdir(join(dir, "ood"));
  for (let i = 0; i < 4; i++)
    await draw(join(dir, "ood", `${i}.png`), [20, 40, 220], `ood/${i}`, { width: 64, height: 100 });
}, 180_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("help and usage", () => {
  it("has help for every command, without starting anything", async () => {
    const { code, stdout } = await locoop("--help");
    expect(code).toBe(0);
    for (const command of ["train", "evaluate", "detect", "visualize", "demo"]) expect(stdout).toContain(command);
    for (const command of ["train", "evaluate", "detect", "visualize", "demo"])
      expect(await locoop(command, "--help")).toMatchObject({ code: 0, stderr: "" });
  });

  it.each([
    [["trian"], /unknown command/],
    [["train", "--data", "x"], /--weights/],
    [["train", "--data", "x", "--weights", "y", "--shots", "0"], /whole number of 1/],
    [["train", "--data", "x", "--weights", "y", "--lambda", "-1"], /number of 0/],
    [["train", "--data", "x", "--weights", "y", "--crop", "0,2"], /shares/],
    [["train", "--data", "x", "--weights", "y", "--nope"], /unknown option/],
    [
      ["train", "--data", "x", "--weights", "y", "--engine", "onnx", "--backend", "wasm"],
      /--backend wasm .*--engine onnx/,
    ],
    [["evaluate", "--id", "x", "--engine", "tfjs", "--device", "cuda"], /--device cuda .*--engine tfjs/],
    [["detect", "x.png", "--run", "x", "--backend", "cpu", "--device", "cpu"], /--device cpu .*--backend cpu/],
    [["visualize", "x.png", "--run", "x", "--engine", "torch"], /onnx, tfjs/],
    [["demo", "--threads", "0"], /whole number of 1/],
    [["train", "--data", "x", "--weights", "y", "--preset", "paper", "--epochs", "3"], /preset paper fixes epochs/],
    [["detect", "--run", "x"], /pictures/],
    [["evaluate"], /--id DIR/],
    [["evaluate", "--id", "x"], /--ood NAME=DIR/],
    [["evaluate", "--id", "x", "--ood", "a=b", "--score", "nope"], /score must be one of mcm/],
  ])("%j ends with 2 and says why", async (args, reason) => {
    const { code, stdout, stderr } = await locoop(...args);
    expect(stderr).toMatch(reason);
    expect(stderr).not.toContain("    at ");
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

describe("train, evaluate, detect, visualize", () => {
  it("goes all the way and escapes what it shows", async () => {
    const trained = await locoop(...train("run", "--json"));
    expect(trained.stderr).toContain("not the paper's algorithm");
    expect(trained.code).toBe(0);
    const [summary] = JSON.parse(trained.stdout) as [
      { detector: { origin: string; pictures: number; note: string; thresholds: Record<string, unknown> } },
    ];
    expect(summary.detector).toMatchObject({ origin: "left-over", pictures: 4 });
    expect(Object.keys(summary.detector.thresholds)).toEqual(["gl-mcm", "mcm"]);
    expect((await readdir(join(dir, "run"))).sort()).toEqual([
      "cache",
      "class-features.safetensors",
      "classnames.json",
      "config.json",
      "detector.json",
      "metrics.jsonl",
      "prompt.safetensors",
      "split.json",
    ]);
    const lines = (await readFile(join(dir, "run/metrics.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { loss: number; crossEntropy: number; oodRegularization: number });
    expect(lines).toHaveLength(3);
    for (const { loss, crossEntropy, oodRegularization } of lines)
      expect(loss).toBeCloseTo(crossEntropy + 0.25 * oodRegularization, 5);

    const evaluated = await locoop(
      "evaluate",
      "--run",
      "run",
      "--id",
      data,
      "--ood",
      "<b>blue</b>=ood",
      "--zero-shot",
      "--threads",
      "2",
    );
    expect(evaluated.stderr).toContain("6 ID pictures were trained on and are left out");
    expect(evaluated.code).toBe(0);
    expect(evaluated.stdout).toMatch(/pictures: ID 4, <b>blue<\/b> 4/);
    const csv = (await readFile(join(dir, "run/scores/id.csv"), "utf8")).trim().split("\n");
    expect(csv[0]).toBe("path,label,prediction,confidence,mcm,gl-mcm");
    expect(csv).toHaveLength(5);
    expect(await readdir(join(dir, "run/scores"))).toHaveLength(2);
    const html = await readFile(join(dir, "run/report.html"), "utf8");
    expect(html).not.toMatch(/<script>alert|<b>blue/);
    expect(html).toContain("&lt;script&gt;");
    const report = JSON.parse(await readFile(join(dir, "run/report.json"), "utf8")) as { regions: { mask: string }[] };
    expect(report.regions.map(({ mask }) => mask.length)).toEqual([64, 64, 64, 64]);

    const detected = await locoop("detect", "--run", "run", join(data, "frog"), "--json");
    const { pictures, calibration, threshold } = JSON.parse(detected.stdout) as {
      threshold: number;
      calibration: { origin: string };
      pictures: { score: number; isId: boolean; className: string }[];
    };
    expect(pictures).toHaveLength(5);
    for (const { score, isId } of pictures) expect(isId).toBe(score >= threshold);
    expect(calibration.origin).toBe("left-over");

    const before = await readFiles(join(data, "frog"), ["0.png"]);
    const drawn = await locoop(
      "visualize",
      "--run",
      "run",
      join(data, "frog/0.png"),
      join(dir, "ood/0.png"),
      "--out",
      join(data, "frog"),
      "--json",
    );
    expect(drawn.stderr).toContain("2/2 pictures (100 %)");
    const { pictures: painted } = JSON.parse(drawn.stdout) as {
      pictures: { out: string; labelSource: string; regions: number }[];
    };
    expect(painted.map(({ labelSource }) => labelSource)).toEqual(["folder", "prediction"]);
    expect(painted[0]!.regions).toBe(64);
    expect((await sharp(await readFile(painted[0]!.out)).metadata()).width).toBeGreaterThan(3 * 560); // 80 pixels 7-fold, three panels
    expect(await readFiles(join(data, "frog"), ["0.png"])).toEqual(before);
    const again = await locoop(
      "visualize",
      "--run",
      "run",
      join(data, "frog/0.png"),
      "--out",
      join(data, "frog"),
      "--label",
      "frog",
      "--json",
    );
    expect((JSON.parse(again.stdout) as { pictures: { out: string }[] }).pictures[0]!.out).toMatch(/-3\.png$/);
    for (const { out } of painted) await rm(out);
    await rm(join(data, "frog/contact-sheet.png"));
    await rm(join(data, "frog/0-regions-3.png"));
    expect(await locoop("visualize", "--run", "run", join(data, "frog/0.png"), "--label", "newt")).toMatchObject({
      code: 2,
    });
  });

  it("shows terminal controls in names as escapes", async () => {
    const file = join(dir, "evil\u001b[31m.png");
    await cp(join(data, "frog/0.png"), file);
    const { stdout, stderr, code } = await locoop("detect", "--run", "run", file);
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain("\u001b");
    expect(stdout).toContain("evil\\x1b[31m.png");
  });

  it("uses a run's model as it was trained with, or refuses", async () => {
    await cp(join(dir, "run"), join(dir, "shifted"), { recursive: true });
    const path = join(dir, "shifted/config.json");
    const config = JSON.parse(await readFile(path, "utf8")) as { model: Record<string, unknown> };
    await writeFile(path, JSON.stringify({ ...config, model: { ...config.model, mean: [0.5, 0.5, 0.5] } }));
    const evaluate = (...more: string[]): Promise<Result> =>
      locoop("evaluate", "--id", data, "--ood", "blue=ood", "--out", "refused-report", ...more);
    for (const refused of [
      await locoop("detect", "--run", "shifted", "ood/0.png"),
      await locoop("visualize", "--run", "shifted", "ood/0.png"),
      await evaluate("--run", "shifted"),
    ]) {
      expect(refused.stderr).toMatch(/^error: .*expected pictures to be normalised with the mean 0\.5, 0\.5, 0\.5/m);
      expect(refused).toMatchObject({ code: 1, stdout: "" });
    }
    expect(await evaluate("--run", "run", "--activation", "gelu")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--activation: .*run was trained with quick_gelu, got gelu/) as string,
    });
    expect(existsSync(join(dir, "refused-report"))).toBe(false);
  });

  it("evaluates zero-shot CLIP without a run", async () => {
    const { code, stdout } = await locoop(
      "evaluate",
      "--weights",
      weights,
      "--template",
      "a picture of a {}.",
      "--id",
      data,
      "--ood",
      "blue=ood",
      "--json",
    );
    expect(code).toBe(0);
    const { counts, summary } = JSON.parse(stdout) as {
      counts: Record<string, number>;
      summary: { methods: { method: string }[] };
    };
    expect(counts).toEqual({ ID: 10, blue: 4 });
    expect(summary.methods.map(({ method }) => method)).toEqual(["zero-shot"]);
  });

  it("evaluates the ImageNet layout with the paper's sets", async () => {
    const layout = join(dir, "paper");
    const frogs = join(data, "frog");
    await cp(frogs, join(layout, "imagenet/images/val/n01"), { recursive: true });
    await cp(join(dir, "ood"), join(layout, "imagenet/images/val/n02"), { recursive: true });
    await writeFile(join(layout, "imagenet/classnames.txt"), "n01 tree frog\nn02 blue ball\n");
    for (const set of ["iNaturalist", "SUN", "Places", "Texture/images"])
      await cp(frogs, join(layout, set), { recursive: true });
    const args = ["--weights", weights, "--data", layout, "--score", "mcm,energy", "--out", "paper-report"];
    const { code, stdout, stderr } = await locoop("evaluate", ...args);
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
    expect(stdout).toMatch(/pictures: ID 9, iNaturalist 5, SUN 5, Places 5, Texture 5/);
    expect((await readdir(join(dir, "paper-report/scores"))).sort()).toEqual([
      "Places.csv",
      "SUN.csv",
      "Texture.csv",
      "iNaturalist.csv",
      "id.csv",
    ]);
    expect((await readdir(join(dir, "paper-report"))).sort()).toEqual([
      "evaluation.json",
      "report.csv",
      "report.html",
      "report.json",
      "report.md",
      "scores",
    ]);
  });

  it("gives the same bits whatever the number of workers, and trains several seeds at once", async () => {
    expect(await locoop(...train("one", "--views", "0", "--seed", "2"))).toMatchObject({ code: 0 });
    expect(await locoop(...train("two", "--views", "0", "--seed", "2", "--threads", "2"))).toMatchObject({ code: 0 });
    expect(await locoop(...train("many", "--views", "0", "--seeds", "1-2", "--threads", "2"))).toMatchObject({
      code: 0,
    });
    expect(await bits(join(dir, "two"))).toEqual(await bits(join(dir, "one")));
    expect(await bits(join(dir, "many/seed2"))).toEqual(await bits(join(dir, "one")));
  });

  it("takes learners and scores of a user's own", async () => {
    const learning = join(root, "packages/prompt-learning/dist/index.js");
    const metrics = join(root, "packages/ood-metrics/dist/index.js");
    await writeFile(
      join(dir, "mine.mjs"),
      `import { coop, defineLearner } from ${JSON.stringify(learning)};
export const short = defineLearner({ name: "short", defaults: { sizes: [2, 1] }, create: (context, { sizes }) => coop.create(context, { contexts: sizes[0] * sizes[1] }) });`,
    );
    await writeFile(
      join(dir, "score.mjs"),
      `import { defineScore } from ${JSON.stringify(metrics)};
export const best = defineScore({ name: "best", cite: "none", defaults: {}, row: ({ global }) => Math.max(...global) });`,
    );
    const args = train("own", "--learner", "./mine.mjs", "--score", "./score.mjs").filter(
      (word, i, all) => word !== "--contexts" && all[i - 1] !== "--contexts",
    );
    expect(await locoop(...args, "--learner-option", "sizes=[3,1]")).toMatchObject({ code: 0 });
    const { tensors } = readSafetensors(await readFile(join(dir, "own/prompt.safetensors")));
    expect([...tensors.values()][0]!.shape).toEqual([3, 128]);
    // A run names the file, but only its user may have it run, from wherever it is now.
    const refused = await locoop("detect", "--run", "own", "ood/0.png");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(/^error: score "best" .*score\.mjs.*--score .*\n$/);
    await rename(join(dir, "score.mjs"), join(dir, "moved.mjs"));
    const { stdout } = await locoop("detect", "--run", "own", "--score", "./moved.mjs", "ood/0.png");
    expect(stdout).toMatch(/best +-?0\.\d+ /);
  });
});

describe("killed and resumed", () => {
  it("goes on to the same bits, or refuses when what decides them has changed", async () => {
    const long = (out: string, ...more: string[]): readonly string[] => train(out, "--epochs", "40", ...more);
    expect(await locoop(...long("whole"))).toMatchObject({ code: 0 });
    const child = spawn(process.execPath, [bin, ...long("killed")], { cwd: dir, stdio: "ignore" });
    const ended = new Promise((done) => child.on("exit", done));
    for (let i = 0; i < 3000 && !existsSync(join(dir, "killed/checkpoint.safetensors")); i++)
      await new Promise((done) => setTimeout(done, 5));
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(join(dir, "killed/detector.json"))).toBe(false);

    expect(await locoop("detect", "--run", "killed", "ood/0.png")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--resume") as string,
    });
    expect(await locoop(...long("killed"))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("unfinished run already") as string,
    });
    const changed = await locoop(...long("killed", "--lambda", "0.5", "--resume"));
    expect(changed).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("settings.lambda was 0.25 and is now 0.5") as string,
    });
    expect(await locoop(...long("killed", "--resume"))).toMatchObject({ code: 0 });
    expect(await bits(join(dir, "killed"))).toEqual(await bits(join(dir, "whole")));
    expect(
      (await readdir(join(dir, "killed"))).filter((name) => name.includes("tmp") || name.includes("checkpoint")),
    ).toEqual([]);
  });

  it("stops at Ctrl-C and keeps what was finished", async () => {
    const child = spawn(process.execPath, [bin, ...train("stopped", "--epochs", "2000")], {
      cwd: dir,
      stdio: "ignore",
    });
    const ended = new Promise((done) => child.on("exit", (code) => done(code)));
    for (let i = 0; i < 3000 && !existsSync(join(dir, "stopped/checkpoint.safetensors")); i++)
      await new Promise((done) => setTimeout(done, 5));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(existsSync(join(dir, "stopped/checkpoint.safetensors"))).toBe(true);
  });
});

describe("several workers", () => {
  it("do many slices under one signal without a warning, and end with the reason of a signal that stops them", async () => {
    // Twelve slices of pictures that are not there: tasks without work.
    await writeFile(
      join(dir, "slices.mjs"),
      `import { createWorkshop } from ${JSON.stringify(pathToFileURL(join(root, "packages/locoop/dist/node/index.js")).href)};
const workshop = createWorkshop({ model: { weights: ${JSON.stringify(weights)}, engine: { engine: "tfjs", backend: "wasm" } }, threads: 2 });
const paths = Array.from({ length: 12 * 64 }, (_, i) => \`/nowhere/\${i}.png\`);
const classFeatures = [{ data: new Float32Array(128).fill(1), shape: [1, 128] }];
const stop = new AbortController();
const score = () => workshop.score(paths, { classFeatures, scores: ["mcm"], signal: stop.signal });
const scored = await score();
const stopped = score().catch((error) => error.message);
setTimeout(() => stop.abort(new Error("stopped here")), 1);
console.log(scored.filter(({ error }) => error !== undefined).length, await stopped);
await workshop.dispose();`,
    );
    const { stdout, stderr } = await runFile(process.execPath, [join(dir, "slices.mjs")], { cwd: dir });
    expect({ stdout, stderr }).toEqual({ stdout: "768 stopped here\n", stderr: "" });
  });

  it("stops at Ctrl-C, says so in one line and keeps what was finished", async () => {
    const child = spawn(
      process.execPath,
      [bin, ...train("halted", "--epochs", "2000", "--seeds", "1-3", "--threads", "2")],
      {
        cwd: dir,
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    let said = "";
    child.stderr.on("data", (part: Buffer) => (said += part.toString()));
    const ended = new Promise((done) => child.on("close", (code) => done(code)));
    for (let i = 0; i < 3000 && !existsSync(join(dir, "halted/seed1/checkpoint.safetensors")); i++)
      await new Promise((done) => setTimeout(done, 5));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(said.split("\n").filter((line) => line.startsWith("error: "))).toEqual([
      "error: interrupted; what was finished is kept",
    ]);
    expect(existsSync(join(dir, "halted/seed1/checkpoint.safetensors"))).toBe(true);
  });
});

/** Runs `locoop` in a process where some packages are not installed. */
const without = async (missing: readonly string[], ...args: readonly string[]): Promise<Result> => {
  const hooks = `export async function resolve(name, context, next) {
  if (${JSON.stringify(missing)}.includes(name))
    throw Object.assign(new Error("Cannot find package '" + name + "' imported from " + context.parentURL), { code: "ERR_MODULE_NOT_FOUND" });
  return next(name, context);
}`;
  const register = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hooks)}");`;
  await writeFile(join(dir, "without.mjs"), register);
  const command = ["--import", pathToFileURL(join(dir, "without.mjs")).href, bin, ...args];
  return runFile(process.execPath, command, { cwd: dir }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Result) => ({ code, stdout, stderr }),
  );
};

describe("engines", () => {
  const tensorflow = ["@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"];
  const detect = ["detect", "--run", "run", "ood/0.png", "--json"];

  it("takes ONNX Runtime, says so in one line, and puts nothing of it among the results", async () => {
    const { code, stdout, stderr } = await locoop(...detect, "--threads", "1");
    expect(stderr).toMatch(/^engine: ONNX Runtime [\d.]+ on cpu, 1 thread$/m);
    expect(JSON.parse(stdout)).toMatchObject({ pictures: [{}] });
    expect(code).toBe(0);
  });

  it("goes on with the next best where ONNX Runtime is not installed, and says how to install it", async () => {
    const { code, stderr } = await without(["onnxruntime-node", ...tensorflow], ...detect);
    expect(stderr).toMatch(/^notice: .*onnxruntime-node.* not installed: npm install onnxruntime-node/m);
    expect(stderr).toMatch(/^engine: TensorFlow\.js [\d.]+ on wasm/m);
    expect(code).toBe(0);
  });

  it.each([
    [["--engine", "onnx"], /^error: .*onnxruntime-node.* not installed: npm install onnxruntime-node\n$/],
    [["--backend", "tensorflow"], /^error: backend tensorflow needs .*tools\/tensorflow\/build\.mjs.*\n$/],
  ])("refuses %j where that is not installed", async (asked, reason) => {
    const refused = await without(["onnxruntime-node", ...tensorflow], ...detect, ...asked);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(reason);
  });

  it("decodes in workers that load neither TensorFlow.js nor a runtime of models", async () => {
    const hook = `export async function resolve(name, context, next) {
  if (/tensorflow|onnx/.test(name)) throw new Error("a decode worker loads " + name);
  return next(name, context);
}`;
    const register = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hook)}");`;
    await writeFile(join(dir, "light.mjs"), register);
    const load = (name: string): Promise<unknown> => {
      const file = join(root, "packages/locoop/dist/node", `${name}.js`);
      return runFile(process.execPath, ["--import", pathToFileURL(join(dir, "light.mjs")).href, file]);
    };
    expect(await load("decode-worker")).toEqual({ stdout: "", stderr: "" });
    await expect(load("worker")).rejects.toThrow(/a decode worker loads/); // the hook sees what it should
  });
});

describe("demo", () => {
  const demo = ["demo", "--out", "no-demo"];

  it("says in one line how to install the toy model where it is absent", async () => {
    expect(await without(["@locoop/tiny-clip"], ...demo)).toMatchObject({
      code: 1,
      stdout: "",
      stderr:
        "error: the demo needs its toy model and pictures: npm install @locoop/tiny-clip (with --global if locoop is installed so)\n",
    });
    expect(existsSync(join(dir, "no-demo"))).toBe(false);
  });

  it("names another package where that one is absent", async () => {
    const { code, stderr } = await without(["sharp"], ...demo);
    expect(stderr).toMatch(/^error: Cannot find package 'sharp'.*\n$/);
    expect(code).toBe(1);
  });

  it("refuses a place that cannot be written before it draws", async () => {
    await writeFile(join(dir, "full"), "a file");
    expect(await locoop("demo", "--out", "full/demo")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^error: out: .*full is a file; .*\n$/) as string,
    });
  });
});

describe("bad input", () => {
  /** What a refused command says; it must be one line, exit with 1, print no result and leave nothing behind. */
  const refusal = async (args: readonly string[], out = "refused"): Promise<string> => {
    const { code, stderr, stdout } = await locoop(...args);
    const errors = stderr.split("\n").filter((line) => line.startsWith("error: "));
    expect({ code, stdout, errors: errors.length, left: existsSync(join(dir, out)) }).toEqual({
      code: 1,
      stdout: "",
      errors: 1,
      left: false,
    });
    expect(stderr).not.toContain("    at ");
    return errors[0]!;
  };

  it("a wrong path", async () => {
    expect(await refusal(train("refused", "--data", "nowhere"))).toMatch(
      /expected a folder at .*nowhere, found nothing/,
    );
    expect(await refusal(train("refused", "--weights", "nothing.safetensors"))).toMatch(/weights: no such file/);
    expect(await refusal(["detect", "--run", "nowhere", "ood/0.png"])).toMatch(/run: no such folder/);
    expect(await refusal(["detect", "--run", "run", "nothing.png"])).toMatch(/no such file/);
    expect(await refusal(train("refused", "--calibration", "nowhere"))).toMatch(/nowhere/);
  });

  it("an empty class folder, one class, no class folders", async () => {
    const empty = join(dir, "empty-data");
    await cp(data, empty, { recursive: true });
    await mkdir(join(empty, "newt"));
    expect(await refusal(train("refused", "--data", empty))).toMatch(/found none in newt/);
    const single = join(dir, "single");
    await cp(join(data, "frog"), join(single, "frog"), { recursive: true });
    expect(await refusal(train("refused", "--data", single))).toMatch(/at least two class folders/);
    expect(await refusal(train("refused", "--data", join(dir, "ood")))).toMatch(/one folder per class/);
  });

  it("weights of another model, or none at all", async () => {
    await writeFile(join(dir, "text.safetensors"), "these are no weights");
    expect(await refusal(train("refused", "--weights", join(dir, "text.safetensors")))).toMatch(
      /error: .*text\.safetensors/,
    );
    const other: Record<string, Floats> = { "conv1.weight": { data: new Float32Array(4), shape: [2, 2] } };
    await writeFile(join(dir, "other.safetensors"), writeSafetensors(other));
    expect(await refusal(train("refused", "--weights", join(dir, "other.safetensors")))).toMatch(/error: /);
    const bytes = await readFile(weights);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(join(dir, "changed.safetensors"), bytes);
    expect(await refusal(["detect", "--run", "run", "--weights", "changed.safetensors", "ood/0.png"])).toMatch(
      /SHA-256 differs/,
    );
  });

  it("a context too long for the model", async () => {
    expect(await refusal(train("refused", "--contexts", "40"))).toMatch(/error: .*(32|long)/);
  });

  it("a class with fewer pictures than shots: taken whole and listed, or refused", async () => {
    const { code, stderr } = await locoop(...train("short", "--shots", "9"));
    expect(stderr).toMatch(/class "frog" has 5 of 9 shots/);
    expect(stderr).toMatch(/class "<script>alert\(1\)<script>" has 5 of 9 shots/);
    expect(code).toBe(0);
    const detector = JSON.parse(await readFile(join(dir, "short/detector.json"), "utf8")) as {
      origin: string;
      note: string;
    };
    expect(detector.origin).toBe("shots");
    expect(detector.note).toMatch(/shots themselves/);
    expect(await refusal(train("refused", "--shots", "9", "--strict"))).toMatch(/expected at least 9 pictures/);
  });

  it("unreadable pictures: training stops or skips, evaluation and detection skip and count", async () => {
    const damaged = join(dir, "damaged");
    await cp(data, damaged, { recursive: true });
    await writeFile(join(damaged, "frog/1.png"), "no picture");
    expect(await refusal(train("refused", "--data", damaged, "--shots", "5"))).toMatch(
      /1 of the 10 drawn pictures cannot be read .*nothing was trained/,
    );
    const skipped = await locoop(...train("skipped", "--data", damaged, "--shots", "5", "--skip-unreadable"));
    expect(skipped.stderr).toMatch(/unreadable: .*1\.png/);
    expect(skipped.code).toBe(0);
    const evaluated = await locoop("evaluate", "--run", "run", "--id", damaged, "--ood", "blue=ood", "--json");
    expect(evaluated.code).toBe(0);
    expect(JSON.parse(evaluated.stdout) as { unreadable: unknown[]; counts: { ID: number } }).toMatchObject({
      unreadable: [{}],
      // Copies of the five readable training shots are left out.
      counts: { ID: 4 },
    });
    const detected = await locoop("detect", "--run", "run", join(damaged, "frog"));
    expect(detected.stderr).toMatch(/1 of 5 pictures are unreadable/);
    expect(detected.stdout).toMatch(/1\.png +unreadable: not a picture/);
    expect(detected.code).toBe(0);
  });

  it("two classes of the same name: a warning", async () => {
    const twice = join(dir, "twice");
    await cp(join(data, "frog"), join(twice, "images/train/n1"), { recursive: true });
    await cp(join(data, "frog"), join(twice, "images/train/n2"), { recursive: true });
    await writeFile(join(twice, "classnames.txt"), "n1 missile\nn2 missile\n");
    const { code, stderr } = await locoop(...train("twins", "--data", twice, "--epochs", "1"));
    expect(stderr).toMatch(/warning: 2 classes are named "missile"/);
    expect(code).toBe(0);
  });

  it("a folder that cannot be written, for whatever user: said before a picture is looked at, nothing half-written", async () => {
    await writeFile(join(dir, "occupied"), "a file");
    const { code, stdout, stderr } = await locoop(...train("occupied/run"));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: out: cannot make the folder .*occupied.run: .*occupied is a file; .*\n$/);
    expect(await readFile(join(dir, "occupied"), "utf8")).toBe("a file");
  });

  it("a finished run is never written over", async () => {
    const before = await bits(join(dir, "run"));
    const { code, stderr } = await locoop(...train("run"));
    expect(stderr).toMatch(/holds a finished run already/);
    expect(code).toBe(1);
    expect(await bits(join(dir, "run"))).toEqual(before);
  });
});

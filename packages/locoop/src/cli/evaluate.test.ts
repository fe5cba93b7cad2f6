import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tinyClipPaths } from "@locoop/tiny-clip";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { draw, type Result, runLocoop } from "./command.test.kit.js";

const { weights } = tinyClipPaths();
let dir: string;
let data: string;

const locoop = (...args: readonly string[]): Promise<Result> => runLocoop(dir, args);

const train = async (out: string, ...more: readonly string[]): Promise<void> => {
  const fast = ["--shots", "2", "--epochs", "1", "--views", "1", "--contexts", "2", "--threads", "1"];
  const { code, stderr } = await locoop("train", "--data", data, "--weights", weights, "--out", out, ...fast, ...more);
  if (code !== 0) throw new Error(stderr);
};
const evaluate = (...args: readonly string[]): Promise<Result> =>
  locoop("evaluate", "--threads", "1", "--score", "mcm", ...args);
const zeroShot = (...args: readonly string[]): Promise<Result> =>
  evaluate("--weights", weights, "--id", "data", ...args);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-evaluate-"));
  data = join(dir, "data");
  for (const [name, colour] of Object.entries({ cat: [200, 30, 30], frog: [30, 180, 40] } as const)) {
    await mkdir(join(data, name), { recursive: true });
    for (let i = 0; i < 4; i++) await draw(join(data, name, `${i}.png`), colour, `${name}/${i}`);
  }
  await mkdir(join(dir, "ood"));
  for (let i = 0; i < 3; i++) await draw(join(dir, "ood", `${i}.png`), [20, 40, 220], `ood/${i}`);
  await train("one");
}, 180_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("several runs", () => {
  it("are averaged over seeds only, and the report says in what they differ", async () => {
    await train("two", "--seed", "2");
    await train("strong", "--lambda", "2");
    const runs = ["one", "two", "strong"].flatMap((name) => ["--run", name]);
    const { code, stdout, stderr } = await evaluate(
      ...runs,
      "--id",
      "data",
      "--ood",
      "blue=ood",
      "--out",
      "all",
      "--json",
    );
    expect(stderr).not.toContain("error");
    expect(code).toBe(0);
    const { summary } = JSON.parse(stdout) as { summary: { methods: { method: string; seeds: number[] }[] } };
    expect(summary.methods.map(({ method, seeds }) => [method, seeds])).toEqual([
      ["LoCoOp (lambda 0.25)", [1, 2]],
      ["LoCoOp (lambda 2)", [1]],
    ]);
    const { settings } = JSON.parse(await readFile(join(dir, "all/report.json"), "utf8")) as {
      settings: Record<string, string>;
    };
    expect(settings).toMatchObject({ seed: "1, 2", contexts: "2" });
    expect(settings["lambda"]).toBe("0.25: LoCoOp (lambda 0.25), 2 shots; 2: LoCoOp (lambda 2), 2 shots");
  });

  it("are refused where one comes twice", async () => {
    const twice = await evaluate("--run", "one", "--run", "./one/", "--id", "data", "--ood", "blue=ood");
    expect(twice.stderr).toMatch(/error: --run: .*one.* comes twice/);
    expect(twice.code).toBe(2);
    await cp(join(dir, "one"), join(dir, "copy"), { recursive: true });
    const copied = await evaluate("--run", "one", "--run", "copy", "--id", "data", "--ood", "blue=ood");
    expect(copied.stderr).toMatch(/same settings and the same seed \(1\)/);
    expect(copied.code).toBe(2);
  });
});

describe("names of the sets", () => {
  it.each([
    [["ID=ood"], /--ood: the name "ID" stands for the in-distribution pictures/],
    [["a b=ood", "a_b=ood"], /would both be written to a_b\.csv; rename one/],
  ])("%j are refused before anything is read", async (sets, reason) => {
    const { code, stdout, stderr } = await zeroShot(...sets.flatMap((set) => ["--ood", set]));
    expect(stderr).toMatch(reason);
    expect([code, stdout]).toEqual([2, ""]);
  });
});

describe("pictures that were trained on", () => {
  it("are left out of a copy and of a moved folder, and counted", async () => {
    await cp(data, join(dir, "copied"), { recursive: true });
    const copied = await evaluate("--run", "one", "--id", "copied", "--ood", "blue=ood", "--json");
    expect(copied.stderr).toContain("4 ID pictures were trained on and are left out");
    expect(JSON.parse(copied.stdout)).toMatchObject({ counts: { ID: 4 } });
    await rename(data, join(dir, "elsewhere"));
    try {
      const moved = await evaluate("--run", "one", "--id", "elsewhere", "--ood", "blue=ood", "--json");
      expect(moved.stderr).toContain("4 ID pictures were trained on and are left out");
      expect(JSON.parse(moved.stdout)).toMatchObject({ counts: { ID: 4 } });
    } finally {
      await rename(join(dir, "elsewhere"), data);
    }
  });

  it("are not passed over in silence where the split is damaged", async () => {
    await cp(join(dir, "one"), join(dir, "damaged"), { recursive: true });
    await writeFile(join(dir, "damaged/split.json"), "{");
    const { code, stderr } = await evaluate("--run", "damaged", "--id", "data", "--ood", "blue=ood");
    expect(stderr).toMatch(/notice: .*damaged.split\.json cannot be read, so that pictures/);
    expect(code).toBe(0);
  });
});

describe("what it says", () => {
  it.each([
    ["/dev/null/x", /^error: --out: cannot make the folder .*: \/dev\/null is a file; choose another place$/m],
    ["ood/0.png", /^error: --out: expected a folder, but .*0\.png is a file; choose another place$/m],
  ])("refuses --out %s before any picture is read", async (out, reason) => {
    const { code, stdout, stderr } = await zeroShot("--ood", "blue=ood", "--out", out);
    expect(stderr).toMatch(reason);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect([code, stdout]).toEqual([1, ""]);
    const painted = await locoop("visualize", "--run", "one", "ood/0.png", "--out", out);
    expect(painted.stderr).toMatch(reason);
    expect(painted.code).toBe(1);
  });

  it("names an unreadable picture once, in lines and in JSON, which alone is on standard output", async () => {
    await cp(join(dir, "ood"), join(dir, "broken"), { recursive: true });
    const path = join(dir, "broken/no.png");
    await writeFile(path, "no picture");
    const sets = ["--id", "data", "--ood", `blue=${join(dir, "broken")}`];
    const { code, stdout, stderr } = await evaluate("--run", "one", "--zero-shot", ...sets, "--json");
    expect(code).toBe(0);
    const lines = stderr.split("\n").filter((line) => line.startsWith("unreadable: "));
    expect(lines).toHaveLength(1);
    expect(lines[0]!.split("no.png")).toHaveLength(2);
    const { unreadable, counts } = JSON.parse(stdout) as {
      unreadable: { path: string; error: string }[];
      counts: Record<string, number>;
    };
    expect(unreadable).toEqual([{ path, error: expect.not.stringContaining("no.png") as string }]);
    expect(counts).toEqual({ ID: 4, blue: 3 });
    const painted = await locoop(
      "visualize",
      "--run",
      "one",
      path,
      join(dir, "ood/0.png"),
      "--out",
      "painted",
      "--json",
    );
    expect(
      painted.stderr
        .split("\n")
        .find((line) => line.startsWith("unreadable: "))!
        .split("no.png"),
    ).toHaveLength(2);
    expect((JSON.parse(painted.stdout) as { pictures: { error?: string }[] }).pictures[0]!.error).not.toContain(
      "no.png",
    );
    expect((await readdir(join(dir, "painted"))).sort()).toEqual(["0-regions.png"]);
  });

  it("has what the model has to say, once, whatever is evaluated", async () => {
    const other = join(dir, "other/model.safetensors");
    await mkdir(join(dir, "other"));
    await cp(weights, other);
    await writeFile(join(dir, "other/config.json"), JSON.stringify({ model_type: "bert" }));
    const sentence = 'config.json describes a "bert" model';
    const said = (text: string): number => text.split(sentence).length - 1;
    const sets = ["--id", "data", "--ood", "blue=ood"];
    for (const args of [
      ["--run", "one"],
      ["--run", "one", "--zero-shot", "--out", "said"],
      ["--run", "one", "--threads", "2"],
      ["--template", "a {}."],
    ])
      expect([args, said((await evaluate(...sets, ...args, "--weights", other)).stderr)]).toEqual([args, 1]);
    expect(await readFile(join(dir, "said/report.md"), "utf8")).toContain("config.json describes a");
    expect(
      said((await locoop("visualize", "--run", "one", "--weights", other, "ood/0.png", "--out", "painted2")).stderr),
    ).toBe(1);
  });
});

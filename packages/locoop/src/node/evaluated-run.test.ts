import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEvaluated } from "./evaluated-run.js";
import { evaluateMethods } from "./evaluation.js";
import { checkTogether, reportOfRuns } from "./report-of-runs.js";
import type { Workshop } from "./workshop.js";

let dir = "";
beforeAll(async () => (dir = await mkdtemp(join(tmpdir(), "evaluated-"))));
afterAll(() => rm(dir, { recursive: true }));

const workshop: Workshop = {
  model: { weights: "none", engine: { engine: "tfjs", backend: "cpu" } },
  threads: 1,
  here: true,
  encode: () => Promise.reject(new Error("not asked for")),
  trainAll: () => Promise.reject(new Error("not asked for")),
  dispose: () => Promise.resolve(),
  score: (paths) =>
    Promise.resolve(
      paths.map((path, i) => ({
        path,
        judgements: [{ prediction: i % 2, confidence: 0.5, scores: [Math.sin(i * 7 + path.length) / 3] }],
      })),
    ),
};
// Commas, quotes and spaces: what a CSV cell has to survive.
const items = (set: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ path: join(dir, set, `a "b", ${i} .png`), label: i % 2 }));
const evaluateInto = (folder: string) =>
  evaluateMethods({
    methods: [{ method: "zero-shot", classFeatures: { data: new Float32Array(2), shape: [2, 1] }, dir: folder }],
    id: { root: dir, items: items("id", 9) },
    ood: [{ name: "SUN & sea", root: dir, items: items("sun", 7) }],
    extra: [{ name: "near *", root: dir, items: items("near", 4) }],
    scores: ["mcm"],
    classNames: ["cat", "dog"],
    workshop,
  });

describe("readEvaluated", () => {
  it("reads back what an evaluation measured, to the bit", async () => {
    const folder = join(dir, "zero");
    const { methods } = await evaluateInto(folder);
    const read = await readEvaluated(folder);
    expect(read.result.scores).toEqual(methods[0]!.scores);
    expect(read.result.pictures!.id).toEqual(methods[0]!.pictures!.id);
    expect(read.result.pictures!.ood["near *"]!.paths).toEqual(methods[0]!.pictures!.ood["near *"]!.paths);
    expect(read.result.accuracy).toBe(methods[0]!.accuracy);
    expect(read.classNames).toEqual(["cat", "dog"]);
    const report = await reportOfRuns([read], { command: "locoop report zero" });
    expect(report.mistakes).toBeUndefined(); // the pictures are gone
    expect(report.commands).toEqual(["locoop report zero"]);
    expect(report.methods).toHaveLength(1);
  });

  it("takes scores from before their sets were recorded by the files' names", async () => {
    const folder = join(dir, "older");
    await evaluateInto(folder);
    await rm(join(folder, "evaluation.json"));
    const read = await readEvaluated(folder);
    expect(read.result.method).toBe("older");
    expect(Object.keys(read.result.scores["mcm"]!.ood)).toEqual(["SUN_sea", "near_"]);
  });

  it("refuses folders that hold nothing, tables that were changed, and names that lead out of the folder", async () => {
    await expect(readEvaluated(join(dir, "none"))).rejects.toThrow(/no such folder/);
    await mkdir(join(dir, "empty"));
    await expect(readEvaluated(join(dir, "empty"))).rejects.toThrow(/neither a run nor scores/);
    const folder = join(dir, "changed");
    await evaluateInto(folder);
    const head = "path,label,prediction,confidence,mcm";
    await writeFile(join(folder, "scores/id.csv"), `${head}\na.png,0,1,0.5,high\n`);
    await expect(readEvaluated(folder)).rejects.toThrow(
      /id\.csv, line 2: the score mcm is no number; .*evaluate the run anew/,
    );
    await writeFile(join(folder, "scores/id.csv"), `${head}\na.png,0,1\n`);
    await expect(readEvaluated(folder)).rejects.toThrow(/line 2: expected 5 cells, found 3/);
    const sets = [{ name: "ID", file: "../../secret.csv", root: dir }];
    await writeFile(
      join(folder, "evaluation.json"),
      JSON.stringify({ version: 1, method: "m", scores: [], sets, unreadable: [] }),
    );
    await expect(readEvaluated(folder)).rejects.toThrow(/outside the folder: refused/);
  });

  it("refuses one folder twice", async () => {
    const read = await readEvaluated(join(dir, "zero"));
    await expect(checkTogether([read, read])).rejects.toThrow(/comes twice/);
  });
});

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkSetNames, evaluateMethods } from "./evaluation.js";
import type { Workshop } from "./workshop.js";

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "locoop-evaluation-"))));
afterAll(() => rm(dir, { recursive: true }));

describe("names of sets", () => {
  it.each(["ID", "id", "Id"])("leave %s to the in-distribution pictures", (name) => {
    expect(() => checkSetNames(["sun", name])).toThrow(
      `--ood: the name "${name}" stands for the in-distribution pictures; give the set another name`,
    );
  });

  it.each([
    [["a b", "a_b"], '--ood: the sets "a b" and "a_b" would both be written to a_b.csv; rename one of them'],
    [["SUN", "sun"], '"SUN" and "sun" would both be written to sun.csv'],
    [["x", "x"], '"x" and "x" would both'],
    [["\uac00", "\u1100\u1161"], "would both be written"],
  ])("refuse what one file would have to hold: %j", (names, message) => {
    expect(() => checkSetNames(names)).toThrow(message);
    expect(() => checkSetNames(names)).toThrow(expect.objectContaining({ name: "UsageError" }) as Error);
  });

  it("are free otherwise", () => {
    expect(() => checkSetNames(["SUN", "Places", "near-OOD *", "ID 2", "valid"])).not.toThrow();
  });
});

// Two classes; ID pictures are all recognised, scores fall with the set.
const workshop: Workshop = {
  model: { weights: "none", engine: { engine: "tfjs", backend: "cpu" } },
  threads: 1,
  here: true,
  encode: () => Promise.reject(new Error("not asked for")),
  trainAll: () => Promise.reject(new Error("not asked for")),
  dispose: () => Promise.resolve(),
  score: (paths) =>
    Promise.resolve(
      paths.map((path, i) =>
        path.includes("broken")
          ? { path, error: "not a picture", judgements: [] }
          : { path, judgements: [{ prediction: 1, confidence: 0.5, scores: [path.includes("id/") ? 9 + i : i] }] },
      ),
    ),
};
const items = (set: string, count: number, label = 0) =>
  Array.from({ length: count }, (_, i) => ({ path: join(dir, set, `${i}.png`), label }));
const evaluate = (names: readonly string[], extra: readonly string[] = []) =>
  evaluateMethods({
    methods: [{ method: "m", settings: { a: "1" }, classFeatures: { data: new Float32Array(2), shape: [2, 1] }, dir }],
    id: { root: dir, items: [...items("id", 3, 1), { path: join(dir, "id/broken"), label: 1 }] },
    ood: names.map((name) => ({ name, items: items(name, 7) })),
    extra: extra.map((name) => ({ name, items: items(name, 2) })),
    scores: ["mcm"],
    workshop,
  });

describe("evaluateMethods", () => {
  it("counts the readable ID pictures for the accuracy and writes a file per set", async () => {
    const { methods, counts, unreadable } = await evaluate(["SUN"], ["near *"]);
    expect(methods[0]).toMatchObject({ accuracy: 1, settings: { a: "1" } });
    expect(methods[0]!.scores["mcm"]!.evaluation.average).toMatchObject({ auroc: 1, fpr95: 0 });
    expect(counts).toEqual({ ID: 3, SUN: 7, "near *": 2 });
    expect(unreadable).toEqual([{ path: join(dir, "id/broken"), error: "not a picture" }]);
    expect((await readdir(join(dir, "scores"))).sort()).toEqual(["SUN.csv", "id.csv", "near_.csv"]);
    expect((await readFile(join(dir, "scores/id.csv"), "utf8")).trim().split("\n")).toHaveLength(4);
    expect(methods[0]!.pictures!.id.paths.map((path) => path.slice(-5))).toEqual(["0.png", "1.png", "2.png"]);
    expect([...methods[0]!.pictures!.id.labels]).toEqual([1, 1, 1]);
    expect(methods[0]!.pictures!.ood["near *"]!.paths).toHaveLength(2);
    expect(JSON.parse(await readFile(join(dir, "evaluation.json"), "utf8"))).toMatchObject({
      version: 1,
      method: "m",
      settings: { a: "1" },
      scores: ["mcm"],
      sets: [
        { name: "ID", file: "id.csv", root: dir },
        { name: "SUN", file: "SUN.csv", averaged: true },
        { name: "near *", file: "near_.csv", averaged: false },
      ],
      unreadable: [join(dir, "id/broken")],
    });
  });

  it("refuses a name that is taken, among the extra sets, too", async () => {
    await expect(evaluate(["ID"])).rejects.toThrow(/in-distribution pictures; give/);
    await expect(evaluate(["a b"], ["a_b"])).rejects.toThrow(/would both/);
  });
});

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { thresholdOf } from "./detection.js";
import type { Run } from "./run-folder.js";

let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "locoop-detection-"))));
afterAll(() => rm(dir, { recursive: true }));

const runWith = (thresholds: Run["detector"]["thresholds"], score: string): Run =>
  ({ dir: "/runs/received", detector: { version: 1, score, thresholds } }) as unknown as Run;

it("takes a built-in score by its name, or the run's first", async () => {
  const run = runWith({ mcm: { choice: "mcm", threshold: 1 }, energy: { choice: "energy", threshold: 2 } }, "mcm");
  expect(await thresholdOf(run)).toEqual({ name: "mcm", choice: "mcm", threshold: 1 });
  expect(await thresholdOf(run, "energy")).toEqual({ name: "energy", choice: "energy", threshold: 2 });
  await expect(thresholdOf(run, "constructor")).rejects.toThrow(/calibrated \(mcm, energy\), got "constructor"/);
});

it("runs no code that only a run names, and says how to name it; runs it where the user does", async () => {
  const mark = join(dir, "ran");
  const module = join(dir, "mine.mjs");
  await writeFile(
    module,
    `import { writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify(mark)}, "");
const best = Object.assign(() => new Float64Array(1), { local: false, defaults: {} });
Object.defineProperty(best, "name", { value: "best" });
export { best };`,
  );
  const run = runWith({ best: { choice: "/elsewhere/mine.mjs", threshold: 3 } }, "best");
  const here = runWith({ best: { choice: module, threshold: 3 } }, "best");
  for (const refused of [thresholdOf(run), thresholdOf(here), thresholdOf(here, "best")])
    await expect(refused).rejects.toThrow(/"best" .*mine\.mjs.*--score/);
  // A name that hides a module behind a built-in score's name is no better.
  await expect(thresholdOf(runWith({ mcm: { choice: module, threshold: 3 } }, "mcm"))).rejects.toThrow(/--score/);
  expect(existsSync(mark)).toBe(false);
  expect(await thresholdOf(run, module)).toEqual({ name: "best", choice: module, threshold: 3 });
  expect(existsSync(mark)).toBe(true);
  await expect(thresholdOf(runWith({ mcm: { choice: "mcm", threshold: 1 } }, "mcm"), module)).rejects.toThrow(
    /calibrated \(mcm\), got "best"/,
  );
});

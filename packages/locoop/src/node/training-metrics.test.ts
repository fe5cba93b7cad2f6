import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readTraining } from "./training-metrics.js";

let dir = "";
beforeAll(async () => (dir = await mkdtemp(join(tmpdir(), "metrics-"))));
afterAll(() => rm(dir, { recursive: true }));

it("takes means over the steps of each epoch, and passes over a line that is cut off", async () => {
  expect(await readTraining(dir)).toBeUndefined();
  const lines = [
    { epoch: 0, step: 0, learningRate: 1, loss: 2 },
    { epoch: 0, step: 1, learningRate: 1, loss: 4 },
    { epoch: 1, step: 0, learningRate: 0.5, loss: 1, note: "x" },
  ];
  await writeFile(
    join(dir, "metrics.jsonl"),
    `${lines.map((line) => JSON.stringify(line)).join("\n")}\n{"epoch":1,"st`,
  );
  expect(await readTraining(dir)).toEqual([
    { epoch: 1, values: { learningRate: 1, loss: 3 } },
    { epoch: 2, values: { learningRate: 0.5, loss: 1 } },
  ]);
});

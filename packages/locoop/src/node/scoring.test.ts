import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cosines, createRandom, createSimilarity, type Engine, type Floats } from "@locoop/clip";
import { onnxEngine } from "@locoop/clip/onnx";
import { tfjsEngine } from "@locoop/clip/tfjs";
import { glmcm, mcm } from "@locoop/ood-metrics";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeScores } from "./scores-file.js";
import { judgeFeatures } from "./scoring.js";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "locoop-scoring-"));
  tf.enableProdMode(); // no banner
  await tf.setBackend("cpu");
});
afterAll(() => rm(dir, { recursive: true }));

const random = createRandom("scoring");
const floats = (...shape: number[]): Floats => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
  shape,
});

const shared = ({ data, shape }: Floats): Floats => {
  const copy = new Float32Array(new SharedArrayBuffer(data.byteLength));
  copy.set(data);
  return { data: copy, shape };
};

it.each<[string, () => Engine | Promise<Engine>]>([
  ["tfjs", () => tfjsEngine({ tf })],
  ["onnx", () => onnxEngine()],
])(
  "judges on %s as cosines() and the scores do, for every set of class features, and leaves no tensor",
  async (_, open) => {
    const features = { global: shared(floats(3, 8)), local: shared(floats(3, 4, 8)) };
    const session = (await open()).open();
    const clip = { similarity: createSimilarity({ session }), logitScale: 10 };
    const sets = [floats(5, 8), floats(2, 8)];
    const before = tf.memory().numTensors;
    const judged = await judgeFeatures(features, sets, { scores: [mcm, glmcm], clip });
    expect(tf.memory().numTensors).toBe(before);
    sets.forEach((classes, s) => {
      const matches = cosines(features, classes);
      const [expectedMcm, expectedGlmcm] = [mcm(matches), glmcm(matches)];
      judged[s]!.forEach(({ prediction, confidence, scores }, i) => {
        const row = matches.global.subarray(i * matches.classes, (i + 1) * matches.classes);
        expect(prediction).toBe(row.indexOf(Math.max(...row)));
        const sum = row.reduce((total, value) => total + Math.exp(10 * value), 0);
        // float32 products in another order of summation
        expect(confidence).toBeCloseTo(Math.exp(10 * Math.max(...row)) / sum, 5);
        expect(scores[0]).toBeCloseTo(expectedMcm[i]!, 6);
        expect(scores[1]).toBeCloseTo(expectedGlmcm[i]!, 6);
      });
    });
    session.dispose();
  },
);

it("writes scores in one fixed format, cells quoted, unreadable pictures left out, numbers in full", async () => {
  const judgement = (value: number) => [{ prediction: 1, confidence: 0.1 + 0.2, scores: [value] }];
  const pictures = [
    { path: join(dir, 'a,"b".png'), judgements: judgement(1 / 3) },
    { path: join(dir, "broken.png"), error: "broken", judgements: [] },
    { path: join(dir, "sub/c.png"), judgements: judgement(-0) },
  ];
  const path = join(dir, "scores.csv");
  await writeScores(path, { root: dir, pictures, labels: [0, 0, 1], method: 0, scores: ["mcm"] });
  expect(await readFile(path, "utf8")).toBe(
    `path,label,prediction,confidence,mcm\n"a,""b"".png",0,1,0.30000000000000004,0.3333333333333333\nsub/c.png,1,1,0.30000000000000004,0\n`,
  );
  await writeScores(path, { root: dir, pictures, method: 0, scores: ["mcm"] });
  expect((await readFile(path, "utf8")).split("\n")[2]).toBe("sub/c.png,,1,0.30000000000000004,0");
});

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Floats, readSafetensors, writeSafetensors } from "@locoop/clip";
import { readCheckpoint } from "@locoop/prompt-learning";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeModel, openModel } from "./model.js";
import { bitsOf, drawClasses, shortRun, weights } from "./training.test.kit.js";
import { type TrainOptions, trainRuns } from "./training.js";

let dir: string;
let data: string;
let names: string[];

beforeAll(async () => void ({ dir, data, names } = await drawClasses("finite")), 120_000);
afterAll(() => rm(dir, { recursive: true, force: true }));

const options = (out: string, more?: Partial<TrainOptions>): TrainOptions => shortRun(data, join(dir, out), more);
const bits = (out: string): Promise<string[]> => bitsOf(join(dir, out));

/** The toy weights with NaN put into one tensor. */
async function broken(file: string, tensor: string, harm: (tensor: Floats) => void): Promise<string> {
  const { tensors, metadata } = readSafetensors(await readFile(weights));
  harm(tensors.get(tensor) as Floats);
  const path = join(dir, file);
  await writeFile(path, writeSafetensors(Object.fromEntries(tensors), metadata));
  return path;
}

describe("numbers that are not finite", () => {
  it("stop a training at its step, with the last epoch's checkpoint on disk, which resumes to the same bits", async () => {
    const learner = join(dir, "learner.mjs");
    const learning = new URL("../../../prompt-learning/dist/index.js", import.meta.url).href;
    await writeFile(
      learner,
      `import { coop, crossEntropyLoss } from ${JSON.stringify(learning)};
      let calls = 0;
      const loss = (input) => {
        const { total, parts } = crossEntropyLoss(input);
        return { total: ++calls === globalThis.breakAtCall ? total.mul(NaN) : total, parts };
      };
      export const mine = { ...coop, name: "mine", create: (...given) => ({ ...coop.create(...given), loss }) };`,
    );
    const trigger = globalThis as { breakAtCall?: number };
    trigger.breakAtCall = 6; // epoch 2, step 1
    await expect(trainRuns(options("stopped", { learner }))).rejects.toThrow(
      /epoch 2, step 1 \(learning rate .*\): the loss is NaN\. .*lower the learning rate/,
    );
    delete trigger.breakAtCall;
    const { epoch, step, variables } = readCheckpoint(await readFile(join(dir, "stopped/checkpoint.safetensors")));
    expect({ epoch, step }).toEqual({ epoch: 1, step: 2 });
    expect(variables.contexts!.data.every(Number.isFinite)).toBe(true);
    expect((await readFile(join(dir, "stopped/metrics.jsonl"), "utf8")).trim().split("\n")).toHaveLength(4);
    await trainRuns(options("stopped", { learner, resume: true }));
    await trainRuns(options("whole", { learner }));
    expect(await bits("stopped")).toEqual(await bits("whole"));
  });

  it("name the class whose features they are", async () => {
    const clip = await openModel({ weights, engine: { engine: "tfjs", backend: "wasm" } });
    const [own] = names.map((name) =>
      clip.tokenizer
        .encode(name)
        .filter((id) => names.every((n) => n === name || !clip.tokenizer.encode(n).includes(id))),
    );
    const { width } = clip.config.text;
    await closeModel();
    const path = await broken("text.safetensors", "token_embedding.weight", ({ data: table }) => {
      table[own![0]! * width] = NaN;
    });
    await expect(trainRuns(options("text", { weights: path }))).rejects.toThrow(
      `epoch 0, step 0 (learning rate 0.00001): the features of class "${names[0]}" hold NaN. The variables keep the values of the step before; it is the first step, so check the model's weights`,
    );
    await expect(
      trainRuns(options("template", { weights: path, learner: "template", learnerOptions: {} })),
    ).rejects.toThrow(`the features of class "${names[0]}" hold NaN: expected finite numbers; check the weights`);
  });

  it("are refused as the scale of all cosines", async () => {
    const path = await broken("scale.safetensors", "logit_scale", ({ data }) => (data[0] = NaN));
    await expect(openModel({ weights: path, engine: { engine: "tfjs", backend: "wasm" } })).rejects.toThrow(
      `expected a finite logit_scale, but that of ${path} makes NaN of cosines`,
    );
  });

  it("name the picture whose features they are", async () => {
    const path = await broken("image.safetensors", "visual.proj", ({ data: matrix }) => {
      matrix[5] = NaN;
    });
    await expect(trainRuns(options("cached", { weights: path }))).rejects.toThrow(
      /the features of .*\.\w+ \(class ".*"\) hold NaN: expected finite numbers; check the weights/,
    );
    await expect(trainRuns(options("fly", { weights: path, views: 0 }))).rejects.toThrow(
      /the features of .*\.\w+ \(class ".*", epoch 0, step 0\) hold NaN/,
    );
    // Nothing is learned, so the pictures of the threshold are the first.
    await expect(
      trainRuns(options("fixed", { weights: path, learner: "template", learnerOptions: {}, views: 0 })),
    ).rejects.toThrow(/the features of .*\.png hold NaN: expected finite numbers; check the weights/);
  });
});

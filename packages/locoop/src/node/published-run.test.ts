import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Floats, readSafetensors, writeSafetensors } from "@locoop/clip";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readClassList } from "./class-list.js";
import { convertFile } from "./convert.js";
import { closeModel, openModel } from "./model.js";
import { writeDasslCheckpoint } from "./published.test.kit.js";
import { comparedPrompts, describePrompt, openPublishedPrompt, publishedFeatures } from "./published-run.js";
import { readRun, type Run } from "./run-folder.js";
import { drawClasses, shortRun, weights } from "./training.test.kit.js";
import { trainRuns } from "./training.js";

const engine = { engine: "tfjs", backend: "wasm" } as const;
let dir: string;
let run: Run;
let contexts: Floats;

const options = { contexts: 2, position: "middle", classSpecific: true } as const;
const model = () => openModel({ weights, engine });

beforeAll(async () => {
  const drawn = await drawClasses("published");
  dir = drawn.dir;
  await trainRuns(shortRun(drawn.data, join(dir, "run"), { epochs: 1, learnerOptions: options }));
  run = await readRun(join(dir, "run"));
  const { tensors } = readSafetensors(await readFile(join(dir, "run/prompt.safetensors")));
  contexts = tensors.get("contexts") as Floats;
}, 180_000);
afterAll(async () => {
  await closeModel();
  await rm(dir, { recursive: true, force: true });
});

describe("a published prompt with the contexts of a run", () => {
  const folder = "output/imagenet/LoCoOp/vit_b16_ep50_2shots/nctx2_cscTrue_ctpmiddle/seed3";

  it("has the run's class features, whatever the file", async () => {
    await writeDasslCheckpoint(join(dir, folder, "prompt_learner/model.pth.tar-50"), contexts);
    await convertFile({ input: join(dir, "run"), output: join(dir, "ctx.safetensors") });
    await convertFile({ input: join(dir, folder), output: join(dir, "dassl.safetensors") });
    const clip = await model();
    for (const name of ["run", folder, "ctx.safetensors", "dassl.safetensors"]) {
      const prompt = await openPublishedPrompt(join(dir, name));
      expect([name, prompt.position, prompt.classSpecific]).toEqual([name, "middle", true]);
      expect(await publishedFeatures(clip, prompt, run.classNames)).toEqual(run.classFeatures);
    }
  });

  it("is what its folders say", async () => {
    const prompt = await openPublishedPrompt(join(dir, folder));
    expect(prompt).toMatchObject({ method: "LoCoOp", shots: 2, seed: 3, epoch: 50, positionKnown: true });
    expect(prompt.notices).toEqual([expect.stringContaining("its folder says ctpmiddle")]);
    expect(describePrompt(prompt)).toMatch(
      /model\.pth\.tar-50: 2 contexts for each of 3 classes, stored as F32, epoch 50; class name at the position middle$/,
    );
    const told = await openPublishedPrompt(join(dir, folder), { position: "front" });
    expect([told.position, told.notices[0]]).toEqual([
      "front",
      expect.stringContaining("says ctpmiddle, but the class name stands at the position front"),
    ]);
    await expect(openPublishedPrompt(join(dir, "run"), { position: "front" })).rejects.toThrow(
      "was trained with the class name at the position middle, got front",
    );
  });

  it("needs the classes of its training and its CLIP", async () => {
    const clip = await model();
    const prompt = await openPublishedPrompt(join(dir, folder));
    await expect(publishedFeatures(clip, prompt, ["cat", "dog"])).rejects.toThrow(
      "has contexts of its own for each of 3 classes, but there are 2 class names",
    );
    const narrow = join(dir, "narrow.safetensors");
    await writeFile(narrow, writeSafetensors({ ctx: { data: new Float32Array(8), shape: [2, 4] } }));
    await expect(publishedFeatures(clip, await openPublishedPrompt(narrow), ["cat"])).rejects.toThrow(
      /width 4, the text tower of the weights \d+; give the weights/,
    );
  });
});

describe("a folder of Dassl", () => {
  const save = (name: string, epoch: number): Promise<void> =>
    writeDasslCheckpoint(join(dir, name, `prompt_learner/model.pth.tar-${epoch}`), contexts, epoch);

  it("gives the checkpoint that its text file names, else the last by number", async () => {
    await save("many", 9);
    await save("many", 10);
    await save("many", 5);
    expect((await openPublishedPrompt(join(dir, "many"))).epoch).toBe(10);
    await writeFile(join(dir, "many/prompt_learner/checkpoint"), "model.pth.tar-5\n");
    expect((await openPublishedPrompt(join(dir, "many"))).epoch).toBe(5);
    expect((await openPublishedPrompt(join(dir, "many/prompt_learner"))).epoch).toBe(5);
  });

  it("is not left by what its text file names", async () => {
    await save("inside", 2);
    await writeDasslCheckpoint(join(dir, "outside.pth.tar-7"), contexts, 7);
    await writeFile(join(dir, "inside/prompt_learner/checkpoint"), "../../outside.pth.tar-7\n");
    const { epoch, notices } = await openPublishedPrompt(join(dir, "inside"));
    expect([epoch, notices]).toEqual([
      2,
      [expect.stringContaining('names "../../outside.pth.tar-7", which is not there; model.pth.tar-2 is taken')],
    ]);
  });

  it("without numbered checkpoints gives the best one", async () => {
    await writeDasslCheckpoint(join(dir, "best/prompt_learner/model-best.pth.tar"), contexts, 30);
    expect((await openPublishedPrompt(join(dir, "best"))).epoch).toBe(30);
  });

  it("without a checkpoint is refused, and so is a file that is none", async () => {
    await mkdir(join(dir, "none"), { recursive: true });
    await expect(openPublishedPrompt(join(dir, "none"))).rejects.toThrow("holds no prompt_learner/model.pth.tar-N");
    await expect(openPublishedPrompt(weights)).rejects.toThrow("but these are weights of CLIP");
  });
});

describe("prompts in one table", () => {
  it("may be none", async () => {
    expect(await comparedPrompts([])).toEqual([]);
  });

  it("are seeds of one another where their paths differ in seed and shots only", async () => {
    const saved = async (path: string) => {
      await writeDasslCheckpoint(join(dir, "table", path), contexts);
      return openPublishedPrompt(join(dir, "table", path));
    };
    const at = (where: string): Promise<Awaited<ReturnType<typeof saved>>> => saved(`${where}/model.pth.tar-50`);
    const [one, two, other] = [await at("a/seed1"), await at("a/seed2"), await at("b/seed1")];
    const [first, second, third] = await comparedPrompts([one, two, other]);
    expect(first).toEqual(second);
    expect([first, third]).toEqual([{ checkpoint: "a" }, { checkpoint: "b" }]);
    await expect(comparedPrompts([one, other, one])).rejects.toThrow("comes twice");
  });
});

describe("lists of class names", () => {
  const read = async (text: string) => {
    const folder = await mkdtemp(join(tmpdir(), "classes-"));
    try {
      await writeFile(join(folder, "names.txt"), text);
      return await readClassList(join(folder, "names.txt"));
    } finally {
      await rm(folder, { recursive: true });
    }
  };
  it.each([
    [
      "n01440764 tench\r\nn01443537  gold fish\n",
      [
        ["n01440764", "tench"],
        ["n01443537", "gold fish"],
      ],
    ],
    [
      "\uFEFFtench\n\n gold fish \n",
      [
        ["tench", "tench"],
        ["gold fish", "gold fish"],
      ],
    ],
    [
      "n01440764 tench\nother name\n",
      [
        ["n01440764 tench", "n01440764 tench"],
        ["other name", "other name"],
      ],
    ],
    [
      '[{"name":"tench","folder":"f1"},{"name":"cat"}]',
      [
        ["f1", "tench"],
        ["cat", "cat"],
      ],
    ],
    ['["tench"]', [["tench", "tench"]]],
  ])("%j", async (text, expected) => {
    expect((await read(text)).map(({ folder, name }) => [folder, name])).toEqual(expected);
  });
  it.each([[""], ["[1]"], ["[{"], ["[]"]])("refuses %j", async (text) => {
    await expect(read(text)).rejects.toThrow(/^class names: /);
  });
});

import { join, resolve } from "node:path";
import { listPictures, pictureSets } from "@locoop/datasets";
import { openDataset } from "../node/data.js";
import { checkEngineOptions, describeEnvironment, type EngineOptions } from "../node/engine.js";
import { type EvaluatedMethod, evaluateMethods } from "../node/evaluation.js";
import { closeModel, openModel } from "../node/model.js";
import { findMistakes, findProgress } from "../node/report-pictures.js";
import { judgeRegions } from "../node/visualization.js";
import { createWorkshop } from "../node/workshop.js";
import { ensureWritableFolder } from "../node/writable-folder.js";
import { zeroShotFeatures } from "../node/zero-shot.js";
import { runName } from "../report/groups.js";
import { formatTable, methodLabel, summarise, writeReport } from "../report/index.js";
import { SETTINGS, trainAll } from "./demo-training.js";
import { chooseEngine } from "./engine-flags.js";
import { notice, print, printBlock, printJson, terminalWidth } from "./output.js";
import { createProgress } from "./progress.js";

interface DemoFlags extends EngineOptions {
  full?: boolean;
  out: string;
  json?: boolean;
}

const NOTES = [
  "The model is a toy: a CLIP of 1.84 million parameters trained on emoji pictures. It shows the method at work, not how good the method is; for that, take OpenAI's weights and ImageNet.",
  "Training uses 4 cached augmentations of each picture: faster, but not the paper's algorithm, which augments anew in every epoch.",
  "The few-shot pictures and the test pictures show the same drawings in other compositions; the model's own training used a local loss; clutter and OOD objects share super-categories, and OOD pictures come from the same generator as ID pictures.",
  "Sets marked * are not part of the average: other animals (near-OOD), and concepts that the model's training neither drew nor named.",
  "Numbers are printed as they came out; nothing was tuned on the OOD sets. A difference smaller than about twice its standard error says nothing.",
];

/** `locoop demo`: draws the benchmark, trains CoOp and LoCoOp, evaluates them beside zero-shot CLIP, writes the report. */
export async function demo(flags: DemoFlags, signal: AbortSignal): Promise<void> {
  checkEngineOptions(flags);
  const started = Date.now();
  const tiny = await import("@locoop/tiny-clip").catch((error: NodeJS.ErrnoException) => {
    // Not a package that this one lacks.
    if (error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes("package '@locoop/tiny-clip'"))
      throw new Error(
        "the demo needs its toy model and pictures: npm install @locoop/tiny-clip (with --global if locoop is installed so)",
      );
    throw error;
  });
  const { weights } = tiny.tinyClipPaths();
  const out = resolve(flags.out);
  await ensureWritableFolder(out, "out");
  const dir = join(out, "benchmark");
  const shotsList = flags.full ? [1, 4, 16] : [4];
  const seeds = Array.from({ length: flags.full ? 10 : 3 }, (_, i) => i + 1);
  notice(`locoop demo: ${shotsList.join(", ")} shots, ${seeds.length} seeds; a toy model on toy pictures`);
  const { engine, threads } = await chooseEngine(flags);

  const drawing = createProgress({ label: "draw pictures" });
  await tiny.drawBenchmark({
    dir,
    seed: SETTINGS.benchmarkSeed,
    signal,
    onProgress: ({ done, total }) => drawing.update(done, total),
  });
  drawing.end();

  const model = { weights, engine };
  const workshop = createWorkshop({ model, threads });
  try {
    const runs = await trainAll({ out, dir, weights, shotsList, seeds, flags }, workshop, signal);
    const test = await openDataset(join(dir, "test"), { split: "val" });
    const clip = await openModel(model);
    const zeroShot = await zeroShotFeatures(clip, test.classNames, tiny.tinyClipTemplate);
    const methods: EvaluatedMethod[] = [
      { method: "zero-shot", classFeatures: zeroShot, dir: join(out, "runs", "zero-shot") },
      ...runs.map(({ spec, run }) => ({
        method: spec.config.settings.method,
        shots: spec.config.settings.shots,
        seed: spec.config.settings.seed,
        classFeatures: run.classFeatures,
        dir: run.dir,
      })),
    ];
    const evaluating = createProgress({ label: "evaluate" });
    const result = await evaluateMethods({
      methods,
      id: { root: test.root, items: test.items },
      ood: await pictureSets(join(dir, "ood")),
      extra: [
        { name: "near-OOD *", root: join(dir, "near-ood"), items: await listPictures(join(dir, "near-ood")) },
        { name: "never named *", root: join(dir, "never-named"), items: await listPictures(join(dir, "never-named")) },
      ],
      scores: ["mcm", "gl-mcm"],
      classNames: test.classNames,
      workshop,
      signal,
      onProgress: (set, done, total) => evaluating.update(done, total, set),
    });
    evaluating.end();

    const shown = runs.findLast(({ spec }) => spec.config.settings.lambda > 0 && spec.config.settings.seed === 1)!;
    const regions = [];
    for (let i = 0; i < SETTINGS.regions; i++) {
      const item = test.items[Math.floor(((i + 0.5) * test.items.length) / SETTINGS.regions)]!;
      regions.push(
        await judgeRegions(item.path, {
          clip,
          classes: shown.spec.classes,
          classFeatures: shown.run.classFeatures,
          topK: SETTINGS.topK,
        }),
      );
    }
    const classNames = test.classNames;
    const mistakes = await findMistakes(result.methods, {
      classNames,
      judgeOf: ({ method, shots, seed }) => {
        const made = runs.find(({ spec: { config } }) => {
          const { settings } = config;
          return settings.method === method && settings.shots === shots && settings.seed === seed;
        });
        return made && { clip, classNames, classFeatures: made.run.classFeatures, topK: SETTINGS.topK };
      },
    });
    const pictures = await findProgress(shown.spec, { clip, items: test.items, signal });
    const { settings: learned } = shown.spec.config;
    const progress = pictures && {
      name: runName(methodLabel(learned), learned),
      pictures,
    };
    await closeModel();

    const summary = summarise(result.methods);
    await writeReport(
      {
        title: "LoCoOp demo: a toy CLIP on toy pictures",
        settings: {
          shots: shotsList.join(", "),
          seeds: `${seeds[0]} to ${seeds.at(-1)}`,
          "cached views": String(SETTINGS.views),
          crop: SETTINGS.crop.join(" to "),
          epochs: String(SETTINGS.epochs),
          K: String(SETTINGS.topK),
          lambda: "0.25 (LoCoOp), 0 (CoOp)",
          "zero-shot prompt": tiny.tinyClipTemplate,
          pictures: Object.entries(result.counts)
            .map(([set, count]) => `${set} ${count}`)
            .join(", "),
          threshold: `${shown.run.detector.note} (${shown.run.detector.pictures} pictures)`,
        },
        environment: await describeEnvironment(engine, { threads: String(threads) }),
        classNames: test.classNames,
        notes: NOTES,
        methods: result.methods,
        regions,
        mistakes,
        progress,
        commands: [`locoop demo${flags.full ? " --full" : ""}`],
      },
      out,
    );
    const seconds = (Date.now() - started) / 1000;
    const report = join(out, "report.html");
    if (flags.json) return printJson({ seconds, counts: result.counts, summary, notes: NOTES, report });
    printBlock(formatTable(summary, { columns: terminalWidth() }));
    print();
    for (const note of NOTES) print(note);
    print();
    print(`report: ${report}`);
    print(`runs:   ${join(out, "runs")}`);
    notice(`done in ${seconds.toFixed(0)} s`);
  } finally {
    await workshop.dispose();
  }
}

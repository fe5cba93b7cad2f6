import { join, resolve } from "node:path";
import { listPictures, pictureSets } from "@locoop/datasets";
import { openDataset } from "../node/data.js";
import { checkEngineOptions, describeEnvironment, type EngineOptions } from "../node/engine.js";
import { type EvaluatedMethod, evaluateMethods } from "../node/evaluation.js";
import { closeModel, openModel } from "../node/model.js";
import { prepare, specFor, type TrainOptions } from "../node/training.js";
import { type TrainedRun, type TrainSpec, viewRequests } from "../node/train-run.js";
import { judgeRegions } from "../node/visualization.js";
import { createWorkshop, type Workshop } from "../node/workshop.js";
import { ensureWritableFolder } from "../node/writable-folder.js";
import { zeroShotFeatures } from "../node/zero-shot.js";
import { formatTable, summarise, writeReport } from "../report/index.js";
import { chooseEngine } from "./engine-flags.js";
import { notice, print, printBlock, printJson } from "./output.js";
import { createProgress } from "./progress.js";

interface DemoFlags extends EngineOptions {
  full?: boolean;
  out: string;
  json?: boolean;
}

// Fixed before any result was seen; not tuned on the OOD sets.
const SETTINGS = { views: 4, crop: [0.5, 1], epochs: 50, topK: 10, benchmarkSeed: 1, regions: 6 } as const;
const METHODS = [
  { name: "CoOp", folder: "coop", lambda: 0 },
  { name: "LoCoOp", folder: "locoop", lambda: 0.25 },
] as const;

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
        commands: [`locoop demo${flags.full ? " --full" : ""}`],
      },
      out,
    );
    const seconds = (Date.now() - started) / 1000;
    const report = join(out, "report.html");
    if (flags.json) return printJson({ seconds, counts: result.counts, summary, notes: NOTES, report });
    printBlock(formatTable(summary));
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

interface Plan {
  readonly out: string;
  readonly dir: string;
  readonly weights: string;
  readonly shotsList: readonly number[];
  readonly seeds: readonly number[];
  readonly flags: EngineOptions;
}

// Cached features of so many seeds are held at once: bounds the memory of --full.
const SEEDS_AT_ONCE = 3;

/** Every method at every number of shots and seed; the views of a draw are encoded once for both methods. */
async function trainAll(
  { out, dir, weights, shotsList, seeds, flags }: Plan,
  workshop: Workshop,
  signal: AbortSignal,
): Promise<{ spec: TrainSpec; run: TrainedRun }[]> {
  const calibrationPaths = (await listPictures(join(dir, "val"))).map(({ path }) => path);
  const calibrating = createProgress({ label: "encode calibration pictures" });
  const calibrationFeatures = await workshop.encode(
    calibrationPaths.map((path) => ({ path })),
    { local: true, signal, onProgress: (done) => calibrating.update(done, calibrationPaths.length) },
  );
  calibrating.end();
  const all: { spec: TrainSpec; run: TrainedRun }[] = [];
  for (const shots of shotsList) {
    for (let first = 0; first < seeds.length; first += SEEDS_AT_ONCE) {
      const group = seeds.slice(first, first + SEEDS_AT_ONCE);
      const specs: TrainSpec[] = [];
      for (const method of METHODS) {
        const options: TrainOptions = {
          data: join(dir, "train"),
          weights,
          out,
          shots,
          seeds: group,
          lambda: method.lambda,
          topK: SETTINGS.topK,
          views: SETTINGS.views,
          crop: SETTINGS.crop,
          epochs: SETTINGS.epochs,
          scores: ["gl-mcm", "mcm"],
          calibration: join(dir, "val"),
          engine: flags.engine,
          device: flags.device,
          backend: flags.backend,
          threads: flags.threads,
          resume: true,
          signal,
        };
        const context = await prepare(options);
        for (const seed of group)
          specs.push(await specFor(context, seed, join(out, "runs", `${method.folder}-${shots}shots-seed${seed}`)));
      }
      // LoCoOp's specs: their views have local features, which CoOp's do without.
      const wanted = specs.filter(({ config }) => config.settings.lambda > 0);
      const encoding = createProgress({ label: `encode views, ${shots} shots` });
      const totals = wanted.map((spec) => spec.items.length * SETTINGS.views);
      const total = totals.reduce((a, b) => a + b, 0);
      const bySeed = new Map<number, TrainSpec["features"]>();
      let before = 0;
      for (const [i, spec] of wanted.entries()) {
        bySeed.set(
          spec.config.settings.seed,
          await workshop.encode(viewRequests(spec.config, spec.items), {
            local: true,
            signal,
            onProgress: (done) => encoding.update(before + done, total),
          }),
        );
        before += totals[i]!;
      }
      encoding.end();
      const ready = specs.map((spec): TrainSpec => {
        const features = bySeed.get(spec.config.settings.seed)!;
        return {
          ...spec,
          features: spec.config.settings.lambda > 0 ? features : { global: features.global },
          calibration: { ...spec.calibration, paths: calibrationPaths, features: calibrationFeatures },
        };
      });
      const training = createProgress({ label: `train ${ready.length} runs, ${shots} shots`, unit: "steps" });
      const steps = ready.map(() => 0);
      const sizes = ready.map(() => 0);
      const runs = await workshop.trainAll(ready, {
        signal,
        progressOf:
          (run) =>
          ({ stage, done, total }) => {
            if (stage !== "train") return;
            steps[run] = done;
            sizes[run] = total;
            training.update(
              steps.reduce((a, b) => a + b, 0),
              Math.max(...sizes) * ready.length,
            );
          },
      });
      training.end();
      runs.forEach((run, i) => all.push({ spec: { ...ready[i]!, features: undefined }, run }));
    }
  }
  return all;
}

// The paper's table, one command per number of shots (see README.md for the folders it expects):
//   npm run paper -w examples -- --data DATA --weights ViT-B-16.safetensors --shots 16
// It may be stopped and started again: finished runs are kept, an unfinished one goes on.
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  closeModel,
  createWorkshop,
  type EvaluatedMethod,
  evaluateMethods,
  formatTable,
  openModel,
  readRun,
  resolveEngine,
  summarise,
  trainRuns,
  writeReport,
  zeroShotFeatures,
} from "locoop/node";
import { openPaperData } from "./paper/counts.js";
import { compareWithPublished, source } from "./paper/published.js";

// One line for whatever goes wrong, 2 for a wrong call.
process.on("uncaughtException", (error: NodeJS.ErrnoException) => {
  console.error(`error: ${error.message}`);
  process.exit(error.code?.startsWith("ERR_PARSE_ARGS") || error.name === "UsageError" ? 2 : 1);
});

const { values: flags } = parseArgs({
  options: {
    data: { type: "string" },
    weights: { type: "string" },
    shots: { type: "string", default: "16" },
    seeds: { type: "string", default: "1,2,3" },
    epochs: { type: "string", default: "50" },
    out: { type: "string", default: "runs/paper" },
    "class-names": { type: "string" },
    template: { type: "string", default: "a photo of a {}." },
    engine: { type: "string" },
    device: { type: "string" },
    backend: { type: "string" },
    threads: { type: "string" },
    "allow-other-counts": { type: "boolean", default: false },
  },
});

function stop(message: string): never {
  console.error(`error: ${message}`);
  process.exit(2);
}
const whole = (name: "shots" | "epochs" | "threads", text = flags[name]): number => {
  const value = Number(text);
  return Number.isSafeInteger(value) && value > 0
    ? value
    : stop(`--${name} must be a whole number of 1 or more, got "${text}"`);
};
const oneOf = <T extends string>(name: "engine" | "device" | "backend", words: readonly T[]): T | undefined =>
  flags[name] === undefined
    ? undefined
    : (words.find((word) => word === flags[name]) ??
      stop(`--${name} must be one of ${words.join(", ")}, got "${flags[name]}"`));
const given = (name: "data" | "weights"): string => flags[name] ?? stop(`give --${name}`);
// npm runs scripts in the workspace's folder; paths are meant from where npm was called.
const { INIT_CWD: caller = ".", npm_lifecycle_event: script } = process.env;
const place = (path: string): string => resolve(script === "paper" ? caller : ".", path);

const [shots, epochs] = [whole("shots"), whole("epochs")];
const [data, weights, out] = [place(given("data")), place(given("weights")), place(flags.out)];
const seeds = flags.seeds.split(",").map(Number);
const classNames = flags["class-names"] === undefined ? undefined : place(flags["class-names"]);
// What is not asked for becomes the fastest that is there.
const asked = {
  engine: oneOf("engine", ["onnx", "tfjs"]),
  device: oneOf("device", ["cpu", "cuda", "webgpu"]),
  backend: oneOf("backend", ["tensorflow", "wasm", "cpu"]),
  threads: flags.threads === undefined ? undefined : whole("threads"),
};
const { engine, threads, notices } = await resolveEngine(asked);
for (const line of notices) console.error(line);

// 1. The same pictures as everyone's.
const { val, sets, differences } = await openPaperData(data, { classNames });
for (const line of differences) console.error(line);
if (differences.length > 0 && !flags["allow-other-counts"])
  stop("these are not the paper's pictures; complete the folders, or try with --allow-other-counts");

// 2. Three runs of CoOp and three of LoCoOp. The defaults of `trainRuns` are the paper's settings.
const methods: { method: string; lambda: number }[] = [
  { method: "coop", lambda: 0 },
  { method: "locoop", lambda: 0.25 },
];
const evaluated: EvaluatedMethod[] = [];
for (const { method, lambda } of methods) {
  const same = { data, weights, classNames, shots, seeds, epochs, ...asked };
  const runs = await trainRuns({
    ...same,
    lambda,
    out: join(out, `${method}-${shots}shots`),
    calibrationLimit: 500, // the table needs no threshold
    resume: true,
    onNotice: (line) => console.error(line),
    onProgress: ({ stage, done, total, run }) => {
      if (done === total) console.error(`${method}, seed ${seeds[run]}: ${stage} done`);
    },
  });
  for (const { dir } of runs) {
    const { config, classFeatures } = await readRun(dir);
    const { method, seed } = config.settings;
    evaluated.push({ method, shots, seed, classFeatures, dir });
  }
}

// 3. Every picture encoded once and judged by all of them, beside zero-shot CLIP.
const model = { weights, engine };
const clip = await openModel(model);
const zeroShot = await zeroShotFeatures(clip, val.classNames, flags.template);
const workshop = createWorkshop({ model, threads });
if (!workshop.here) await closeModel(); // workers have copies of their own
const result = await evaluateMethods({
  methods: [{ method: "zero-shot", classFeatures: zeroShot, dir: join(out, "zero-shot") }, ...evaluated],
  id: val,
  ood: sets,
  scores: ["mcm", "gl-mcm"],
  workshop,
  onProgress: (set, done, total) => {
    if (done === total || done % 6400 === 0) console.error(`evaluate: ${done} of ${total} pictures (${set})`);
  },
});
await workshop.dispose();

// 4. Our figures, and beside them those that could be verified.
const summary = summarise(result.methods);
const comparison = compareWithPublished(summary);
const notes = [
  `Published figures: ${source}. The paper's are means of seeds 1, 2 and 3. Only verified figures are shown; there are none for other shots.`,
  ...differences,
  ...result.unreadable.map(({ path, error }) => `skipped: ${path}: ${error}`),
];
await writeReport(
  {
    title: `LoCoOp on ImageNet, ${shots} shots`,
    settings: {
      data,
      weights,
      shots: String(shots),
      seeds: flags.seeds,
      epochs: String(epochs),
      template: flags.template,
    },
    environment: { node: process.version, engine: Object.values(engine).join(" "), threads: String(threads) },
    classNames: val.classNames,
    notes,
    methods: result.methods,
    regions: [],
    commands: [`npm run paper -w examples -- ${process.argv.slice(2).join(" ")}`],
  },
  join(out, `report-${shots}shots`),
);
console.log(formatTable(summary));
console.log(`FPR95 / AUROC in %, means over seeds ${flags.seeds}\n\n${comparison}\n`);
for (const note of notes) console.log(note);

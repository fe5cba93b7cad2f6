import { join, resolve } from "node:path";
import type { Floats } from "@locoop/clip";
import { type Dataset, type Item, listPictures, oodBenchmarks } from "@locoop/datasets";
import type { CoopPosition } from "@locoop/prompt-learning";
import { defaultTopK } from "../default-top-k.js";
import { readClassList } from "../node/class-list.js";
import { checkComparable, comparedSettings } from "../node/compared-runs.js";
import { openDataset, relabel, thinOut } from "../node/data.js";
import { checkWeights, modelOf } from "../node/detection.js";
import { checkEngineOptions, type EngineOptions } from "../node/engine.js";
import { UsageError } from "../node/errors.js";
import {
  checkSetNames,
  type EvaluatedMethod,
  evaluateMethods,
  type EvaluationResult,
  type PictureSet,
} from "../node/evaluation.js";
import { FLOAT16_NOTE, toFloat16 } from "../node/float16-scores.js";
import { closeModel, type ModelSpec, openModel } from "../node/model.js";
import { loadScores, resolveChoice } from "../node/plugins.js";
import { comparedPrompts, describePrompt, publishedFeatures, type PublishedPrompt } from "../node/published-run.js";
import { readRun, type Run, type RunClass } from "../node/run-folder.js";
import { findMistakes, findProgress } from "../node/report-pictures.js";
import { readStages } from "../node/training-history.js";
import { withoutTrained } from "../node/trained-pictures.js";
import { createWorkshop } from "../node/workshop.js";
import { judgeRegions } from "../node/visualization.js";
import { resolveWeights } from "../node/weights-name.js";
import { ensureWritableFolder } from "../node/writable-folder.js";
import { zeroShotFeatures } from "../node/zero-shot.js";
import { mainRun } from "../report/groups.js";
import { formatTable, type RegionPicture, type ReportData, summarise, writeReport } from "../report/index.js";
import { chooseEngine, loadModel } from "./engine-flags.js";
import { evaluationReport } from "./evaluation-report.js";
import { openPrompt } from "./judge.js";
import { notice, print, printBlock, printJson, terminalWidth } from "./output.js";
import { createProgress } from "./progress.js";

interface EvaluateFlags extends EngineOptions {
  run?: string[];
  checkpoint?: string[];
  position?: CoopPosition;
  emulateFp16Scores?: boolean;
  data?: string;
  id?: string;
  ood?: { name: string; dir: string }[];
  score?: string[];
  zeroShot?: boolean;
  template: string;
  weights?: string;
  classNames?: string;
  out?: string;
  activation?: "quick_gelu" | "gelu";
  json?: boolean;
}

/** `locoop evaluate`. */
export async function evaluateCommand(flags: EvaluateFlags, signal: AbortSignal): Promise<void> {
  checkEngineOptions(flags);
  const asked = (flags.score ?? ["mcm", "gl-mcm"]).map(resolveChoice);
  const scores = flags.emulateFp16Scores ? toFloat16(asked) : asked;
  await loadScores(scores);
  if (flags.data === undefined && flags.id === undefined)
    throw new UsageError("give --id DIR with in-distribution pictures, or --data DIR with ImageNet and the four sets");
  if (flags.data === undefined && !flags.ood)
    throw new UsageError("give at least one --ood NAME=DIR, or --data DIR with the four sets");
  checkSetNames((flags.ood ?? []).map(({ name }) => name));
  const runs: Run[] = [];
  for (const dir of flags.run ?? []) runs.push(await readRun(dir));
  await checkComparable(runs);
  const first = runs[0];
  if (!first && flags.weights === undefined)
    throw new UsageError(
      flags.checkpoint
        ? "--checkpoint needs --weights FILE: a checkpoint holds contexts, and no CLIP"
        : "give --run DIR, or --weights FILE for zero-shot CLIP",
    );
  if (flags.position !== undefined && !flags.checkpoint) throw new UsageError("--position goes with --checkpoint");
  const out = flags.out ?? (runs.length === 1 ? first!.dir : undefined);
  if (flags.out !== undefined) await ensureWritableFolder(flags.out, "--out");
  for (const { dir } of runs) await ensureWritableFolder(join(dir, "scores"), "--run");
  const trained = first?.config.model.activation;
  if (flags.activation !== undefined && trained !== undefined && flags.activation !== trained)
    throw new UsageError(
      `--activation: ${first!.dir} was trained with ${trained}, got ${flags.activation}; leave the option out`,
    );
  const weights = await resolveWeights(flags.weights ?? first!.config.model.weights);
  for (const run of runs) await checkWeights(run, weights);
  const prompts: PublishedPrompt[] = [];
  for (const path of flags.checkpoint ?? []) prompts.push(await openPrompt(path, flags));
  const dataset = await openDataset(flags.id ?? flags.data!, { split: "val", classNames: flags.classNames });
  for (const warning of dataset.warnings) notice(`warning: ${warning}`);
  const classes = first?.classes ?? (await classesOf(dataset, flags));
  const other = runs.find((run) => run.classNames.join("\n") !== first!.classNames.join("\n"));
  if (other) throw new Error(`run: ${other.dir} has other classes than ${first!.dir}; evaluate them apart`);
  const { items: id, notes } = await idPictures(dataset, classes, runs);
  notes.push(...prompts.flatMap((prompt) => [describePrompt(prompt), ...prompt.notices]));
  if (prompts.length > 0) notes.push(UNKNOWN_TRAINING);
  if (flags.emulateFp16Scores) notes.push(FLOAT16_NOTE);
  const ood = await oodSets(flags);

  const { engine, threads } = await chooseEngine(flags);
  const model: ModelSpec = {
    ...(first ? modelOf(first, { weights, engine }) : { weights, engine }),
    ...(flags.activation && { activation: flags.activation }),
  };
  const methods: EvaluatedMethod[] = [];
  const clip = await loadModel(model);
  notes.push(...clip.notices);
  const classNames = classes.map(({ name }) => name);
  const alone = (others: number): string | undefined => (others === 0 ? flags.out : undefined);
  if (flags.zeroShot || (!first && prompts.length === 0))
    methods.push({
      method: "zero-shot",
      classFeatures: await zeroShotFeatures(clip, classNames, flags.template),
      dir: alone(runs.length + prompts.length),
    });
  for (const run of runs) {
    const { method, shots, seed } = run.config.settings;
    const settings = comparedSettings(run.config);
    methods.push({ method, shots, seed, settings, classFeatures: run.classFeatures, dir: run.dir });
  }
  const promptSettings = await comparedPrompts(prompts);
  for (const [i, prompt] of prompts.entries()) {
    // Beside runs their settings, of which a checkpoint knows little, would all stand in its name.
    const method = first ? prompt.method.replace(/^(LoCoOp|CoOp)$/, "$1, published") : prompt.method;
    const classFeatures = await publishedFeatures(clip, prompt, classNames);
    const dir = alone(runs.length + methods.length + prompts.length - 1);
    methods.push({ ...prompt, method, settings: promptSettings[i], classFeatures, dir });
  }
  const workshop = createWorkshop({ model, threads });
  if (!workshop.here) await closeModel();
  const progress = createProgress({ label: "evaluate" });
  let result: EvaluationResult;
  try {
    result = await evaluateMethods({
      methods,
      id: { root: dataset.root, items: id },
      ood,
      scores,
      classNames,
      workshop,
      signal,
      onProgress: (set, done, total) => progress.update(done, total, set),
    });
  } finally {
    progress.end();
    await workshop.dispose();
  }
  for (const { path, error } of result.unreadable) notice(`unreadable: ${path}: ${error}`);
  if (result.unreadable.length > 0) notice(`notice: ${result.unreadable.length} unreadable pictures were skipped`);
  const unread = new Set(result.unreadable.map(({ path }) => path));
  const summary = summarise(result.methods);
  if (out !== undefined) {
    const readable = id.filter(({ path }) => !unread.has(path));
    const judging = first
      ? { ...first, topK: first.config.settings.topK }
      : prompts.length > 0
        ? { classes, classFeatures: methods.at(-prompts.length)!.classFeatures, topK: defaultTopK(classes.length) }
        : undefined;
    const pictures = await reportPictures({ runs, result, judging, readable, classNames, model, signal });
    const { template } = flags;
    await writeReport(
      await evaluationReport({
        engine,
        template,
        threads,
        scores,
        runs,
        dataset,
        classes,
        result,
        notes,
        ...pictures,
      }),
      resolve(out),
    );
  }
  if (flags.json) {
    printJson({
      counts: result.counts,
      unreadable: result.unreadable,
      ...(prompts.length > 0 && { checkpoints: prompts.map(promptFacts) }),
      ...(flags.emulateFp16Scores && { emulated: FLOAT16_NOTE }),
      summary,
    });
    return;
  }
  printBlock(formatTable(summary, { columns: terminalWidth() }));
  print();
  print(
    `pictures: ${Object.entries(result.counts)
      .map(([set, count]) => `${set} ${count}`)
      .join(", ")}${result.unreadable.length > 0 ? `; skipped as unreadable: ${result.unreadable.length}` : ""}`,
  );
  if (out !== undefined) print(`report: ${join(out, "report.html")}`);
}

// Pictures with their ID-irrelevant regions in the report.
const SHOWN = 6;

// Classes times stages of a training that are encoded for the report: of more, `locoop report` shows the regions over the epochs.
const MOST_PROMPTS = 2000;

/** A few pictures with their regions, the hardest ones, and how the regions of a few changed over the epochs. */
async function reportPictures({
  runs,
  result,
  judging,
  readable,
  classNames,
  model,
  signal,
}: {
  runs: readonly Run[];
  result: EvaluationResult;
  judging?: { classes: readonly RunClass[]; classFeatures: Floats; topK: number };
  readable: readonly { path: string; label: number }[];
  classNames: readonly string[];
  model: ModelSpec;
  signal: AbortSignal;
}): Promise<Pick<ReportData, "regions" | "mistakes" | "progress">> {
  const main = mainRun(result.methods);
  const run = runs.find(
    ({ config: { settings } }) =>
      settings.method === main?.run.method && settings.seed === main.run.seed && settings.shots === main.run.shots,
  );
  // Without a run and a prompt no model is needed.
  if (!run && !judging) return { regions: [], mistakes: await findMistakes(result.methods, { classNames }) };
  const clip = await openModel(model);
  try {
    const regions: RegionPicture[] = [];
    if (judging)
      for (const { path, label } of thinOut(readable, SHOWN))
        regions.push(await judgeRegions(path, { ...judging, clip, label }));
    if (!run) return { regions, mistakes: await findMistakes(result.methods, { classNames }) };
    const { topK, epochs } = run.config.settings;
    const judge = { clip, classNames, classFeatures: run.classFeatures, topK };
    const mistakes = await findMistakes(result.methods, { classNames, judgeOf: () => judge });
    const few = classNames.length * (await readStages(run.dir, epochs)).length <= MOST_PROMPTS;
    const pictures = few ? await findProgress(run, { clip, items: readable, signal }) : undefined;
    return { regions, mistakes, progress: pictures && { name: main!.name, pictures } };
  } finally {
    await closeModel();
  }
}

const UNKNOWN_TRAINING =
  "Which pictures a checkpoint was trained on is not known: results hold for ID pictures that are none of them.";

const promptFacts = ({
  path,
  method,
  shots,
  seed,
  epoch,
  dtype,
  position,
  classSpecific,
  contexts,
}: PublishedPrompt) => ({
  path,
  method,
  shots,
  seed,
  epoch,
  dtype,
  position,
  classSpecific,
  contexts: contexts.shape.at(-2),
});

/** The classes without a run: those of a list that is given for class folders, else those of the data. */
async function classesOf(
  dataset: Dataset & { readonly layout: string },
  { classNames }: EvaluateFlags,
): Promise<readonly RunClass[]> {
  if (classNames !== undefined && dataset.layout === "image-folder") return readClassList(classNames);
  return dataset.classNames.map((name, i) => ({ name, folder: dataset.folders[i]! }));
}

/** ID pictures with the runs' labels, without those that a run was trained on. */
async function idPictures(
  dataset: Dataset,
  classes: readonly RunClass[],
  runs: readonly Run[],
): Promise<{ items: readonly Item[]; notes: string[] }> {
  const items = relabel(dataset, classes);
  const { items: rest, trained, notices } = await withoutTrained(items, { root: dataset.root, runs });
  const notes = [...notices, ...(trained > 0 ? [`${trained} ID pictures were trained on and are left out`] : [])];
  for (const line of notes) notice(`notice: ${line}`);
  if (rest.length === 0)
    throw new Error(
      `ID pictures: every picture of ${dataset.root} was trained on; give --id a folder of other pictures`,
    );
  return { items: rest, notes };
}

async function oodSets(flags: EvaluateFlags): Promise<PictureSet[]> {
  if (flags.ood) {
    const sets: PictureSet[] = [];
    for (const { name, dir } of flags.ood) sets.push({ name, root: resolve(dir), items: await listPictures(dir) });
    return sets;
  }
  const sets = await oodBenchmarks(flags.data!);
  if (sets.length === 0)
    throw new Error(
      `data: expected iNaturalist, SUN, Places or Texture in ${flags.data}, found none; name sets of your own with --ood NAME=DIR`,
    );
  if (sets.length < 4)
    notice(
      `notice: only ${sets.map(({ name }) => name).join(", ")} of the four sets are there; the average is over these`,
    );
  return sets;
}

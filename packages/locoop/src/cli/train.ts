import { join } from "node:path";
import { UsageError } from "../node/errors.js";
import type { EngineOptions } from "../node/engine.js";
import { resolveDraw } from "../node/shots.js";
import { type TrainOptions, trainRuns } from "../node/training.js";
import { displayWidth, padToWidth } from "../report/columns.js";
import { notice, print, printJson } from "./output.js";
import { createProgress, type Progress } from "./progress.js";

interface TrainFlags extends EngineOptions {
  data: string;
  weights: string;
  out?: string;
  shots?: number;
  seed?: number;
  seeds?: number[];
  preset?: "paper";
  learner: string;
  learnerOption?: string[];
  contexts?: number;
  position?: string;
  classSpecific?: boolean;
  init?: string;
  template?: string;
  lambda?: number;
  topK?: number;
  epochs?: number;
  batchSize?: number;
  lr?: number;
  views?: number;
  crop?: [number, number];
  score?: string[];
  calibration?: string;
  split?: string;
  classNames?: string;
  strict?: boolean;
  skipUnreadable?: boolean;
  resume?: boolean;
  activation?: "quick_gelu" | "gelu";
  json?: boolean;
}

/** `locoop train`. */
export async function train(flags: TrainFlags, signal: AbortSignal): Promise<void> {
  const method =
    flags.learner === "coop"
      ? flags.lambda === 0
        ? "coop"
        : "locoop"
      : flags.learner === "template"
        ? "template"
        : "learner";
  const seeds = flags.seeds ?? (flags.seed === undefined ? undefined : [flags.seed]);
  const out = flags.out ?? join("runs", `${method}-${await drawName({ ...flags, seeds })}`);
  let shown: { key: string; progress: Progress } | undefined;
  const show = (key: string, unit: string, done: number, total: number, note?: string): void => {
    if (shown?.key !== key) {
      shown?.progress.end();
      shown = { key, progress: createProgress({ label: key, unit, total }) };
    }
    shown.progress.update(done, total, note);
  };
  const perRun = new Map<number, number>();
  const options: TrainOptions = {
    ...(flags.preset === "paper" ? paperPreset(flags) : flags),
    learningRate: flags.lr,
    learnerOptions: learnerOptions(flags),
    scores: flags.score,
    out,
    seeds,
    signal,
    onNotice: notice,
    onCheck: (done, total) => show("check pictures", "pictures", done, total),
    onProgress: ({ stage, done, total, loss, run, runs }) => {
      const label = { encode: "encode views", train: "train", calibrate: "calibrate" }[stage];
      if (runs === 1 || stage !== "train")
        return show(
          label,
          stage === "train" ? "steps" : "pictures",
          done,
          total,
          loss === undefined ? undefined : `loss ${loss.toFixed(4)}`,
        );
      perRun.set(run, done);
      show(
        `train ${runs} runs`,
        "steps",
        [...perRun.values()].reduce((a, b) => a + b, 0),
        total * runs,
      );
    },
  };
  const runs = await trainRuns(options).finally(() => shown?.progress.end());
  if (flags.json) {
    printJson(runs.map(({ dir, detector, loss }) => ({ run: dir, loss, detector })));
    return;
  }
  for (const { dir, detector } of runs) {
    print(`run: ${dir}`);
    const scores = Object.entries(detector.thresholds);
    const width = Math.max(...scores.map(([score]) => displayWidth(score)));
    for (const [score, { threshold }] of scores)
      print(`  ${padToWidth(score, width)} threshold at 95 % TPR: ${threshold.toPrecision(6)}`);
    print(`  ${detector.note} (${detector.pictures} pictures)`);
    if (detector.unreadable.length > 0)
      print(`  ${detector.unreadable.length} unreadable calibration pictures were skipped`);
  }
}

/** Shots and seed in a run folder's name; a split says its own. */
async function drawName(asked: { split?: string; shots?: number; seeds?: readonly number[] }): Promise<string> {
  const { shots, seeds } = await resolveDraw(asked);
  return `${shots}shots${seeds.length === 1 ? `-seed${seeds[0]}` : ""}`;
}

/** What the paper fixes; another value beside it is a contradiction. K stays a fifth of the classes: 200 of 1000. */
function paperPreset(flags: TrainFlags): TrainFlags {
  const fixed = {
    crop: [0.08, 1] as [number, number],
    views: 0,
    contexts: 16,
    lambda: 0.25,
    epochs: 50,
    batchSize: 32,
    lr: 0.002,
  };
  for (const [key, value] of Object.entries(fixed)) {
    const given = flags[key as keyof TrainFlags];
    if (given !== undefined && JSON.stringify(given) !== JSON.stringify(value))
      throw new UsageError(
        `--preset paper fixes ${key} at ${String(value)}, got ${String(given)}; leave one of the two out`,
      );
  }
  return { ...flags, ...fixed };
}

function learnerOptions(flags: TrainFlags): Record<string, unknown> {
  const { contexts, position, classSpecific, init, template } = flags;
  const named = Object.entries({ contexts, position, classSpecific, init, template }).filter(
    ([, value]) => value !== undefined,
  );
  const free = (flags.learnerOption ?? []).map((text): [string, unknown] => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--learner-option must be NAME=VALUE, got "${text}"`);
    const value = text.slice(at + 1);
    try {
      return [text.slice(0, at), JSON.parse(value) as unknown];
    } catch {
      return [text.slice(0, at), value];
    }
  });
  return Object.fromEntries([...named, ...free]);
}

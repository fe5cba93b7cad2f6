import type { Inputs } from "./inputs.js";
import type { Spread } from "./statistics.js";
import type { Time } from "./timed.js";
import { startOurs, startPython, NotRun } from "./peers/start.js";
import type { Peer } from "./peers/peer.js";

/** What the command line asked for. */
export interface Settings {
  readonly rounds: number;
  readonly threads: number;
  readonly engine: "onnx" | "wasm";
  readonly quick: boolean;
  /** Trains for real where a row can do with measured parts. */
  readonly whole: boolean;
}

/** Needed operations, and how long they took. */
export interface Work {
  readonly flops: number;
  readonly time: Time;
}

/** One line of the table. Times in milliseconds; a ratio is the peer's time over ours, round by round. */
export interface RowResult {
  readonly id: string;
  readonly what: string;
  readonly against: string;
  readonly status: "measured" | "partly calculated" | "not run" | "error";
  readonly ratio?: Spread;
  /** The same of processor time, which other work on the machine disturbs less. */
  readonly cpuRatio?: Spread;
  /** What the ratio, the memory or the fraction should reach. */
  readonly goal?: string;
  readonly ours?: Spread;
  readonly peer?: Spread;
  /** What our side had to compute, and in which time; of that the text tower alone. */
  readonly work?: Work;
  readonly tower?: Work;
  /** Needed operations over the machine's peak in the same time, by the clock and by processor time; set when all is measured. */
  readonly fraction?: Time;
  readonly towerFraction?: Time;
  /** How far both sides' results are apart, and how far they may be. */
  readonly check?: { readonly distance: number; readonly tolerance: number };
  readonly note?: string;
  /** Anything a reader of the JSON may want. */
  readonly details?: object;
}

/** What rows share: inputs, settings, the processes, the machine's peak. */
export interface Context {
  readonly inputs: Inputs;
  readonly settings: Settings;
  /** Our side; started at first use, as the others. */
  ours(): Promise<Peer>;
  python(): Promise<Peer>;
  /** Measures the machine's peak once more; the best so far counts. */
  measurePeak(): Promise<void>;
  /** The best products so far: operations in a millisecond by the clock, and in one of processor time. */
  peak(): Time;
  dispose(): Promise<void>;
}

/** Starts nothing yet. */
export function createContext(inputs: Inputs, settings: Settings): Context {
  let ours: Promise<Peer> | undefined;
  let python: Promise<Peer> | undefined;
  let best: Time = { ms: 0, cpu: 0 };
  const context: Context = {
    inputs,
    settings,
    ours: () => (ours ??= startOurs(inputs, settings)),
    python: () => (python ??= startPython(inputs, settings)),
    async measurePeak() {
      const answer = await (await context.ours()).call("peak", { threads: settings.threads });
      const flops = answer["flops"] as number;
      best = { ms: Math.max(best.ms, flops / answer.ms), cpu: Math.max(best.cpu, flops / answer.cpu!) };
    },
    peak: () => best,
    async dispose() {
      for (const peer of [ours, python]) await peer?.then((open) => open.close()).catch(() => {});
    },
  };
  return context;
}

/** A row: a line of the table or several, or the reason why there is none. */
export interface Row {
  readonly id: string;
  readonly what: string;
  readonly against: string;
  readonly goal?: string;
  run(context: Context): Promise<Partial<RowResult> | Partial<RowResult>[]>;
}

/** Runs a row; what it throws becomes its line. */
export async function runRow(row: Row, context: Context): Promise<RowResult[]> {
  const { id, what, against, goal } = row;
  const base = { id, what, against, goal };
  try {
    const results = [await row.run(context)].flat();
    return results.map((result) => judge({ ...base, status: "measured", ...result }));
  } catch (error) {
    const status = error instanceof NotRun ? "not run" : "error";
    return [{ ...base, status, note: (error as Error).message.trim().replace(/\s+/g, " ") }];
  }
}

/** Results that differ by more than they may make the row an error, whatever its speed. */
function judge(result: RowResult): RowResult {
  const { check } = result;
  if (!check || check.distance <= check.tolerance) return result;
  return {
    ...result,
    status: "error",
    note: `results differ by ${check.distance.toExponential(1)}, allowed are ${check.tolerance}`,
  };
}

/** The rows with their shares of the peak, which is known only when everything has been measured. */
export function withFractions(rows: readonly RowResult[], peak: Time): RowResult[] {
  const share = (work: Work | undefined): Time | undefined =>
    work && { ms: work.flops / work.time.ms / peak.ms, cpu: work.flops / work.time.cpu / peak.cpu };
  return rows.map((row) => ({ ...row, fraction: share(row.work), towerFraction: share(row.tower) }));
}

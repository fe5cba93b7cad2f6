import type { RowResult } from "./context.js";
import type { Machine } from "./machine.js";
import type { Spread } from "./statistics.js";
import type { Time } from "./timed.js";

/** Everything a run found. */
export interface Report {
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly engine: string;
  readonly threads: number;
  readonly rounds: number;
  /** How many processes wanted to run before the bench began. */
  readonly load: number;
  /** Operations in a millisecond by the clock, and in one of processor time. */
  readonly peak: Time;
  /** Whether sizes were cut to see that everything works. */
  readonly quick: boolean;
  readonly rows: readonly RowResult[];
}

const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** "2.6 (2.5 to 2.7)"; a single measurement alone. */
export function formatRatio({ median, min, max, count }: Spread): string {
  return count === 1 ? digits(median) : `${digits(median)} (${digits(min)} to ${digits(max)})`;
}

/** "0.85 (0.87)": by the clock, and by processor time. */
export function formatFraction({ ms, cpu }: Time): string {
  return `${ms.toFixed(2)} (${cpu.toFixed(2)})`;
}

/** Milliseconds as a person reads them. */
export function formatTime(ms: number): string {
  return ms >= 1000 ? `${digits(ms / 1000)} s` : `${digits(ms)} ms`;
}

const columns = [
  "what",
  "against",
  "ratio",
  "of processor time",
  "at least",
  "of peak",
  "ours",
  "peer",
  "results apart",
  "notes",
];

/** The table of a run as Markdown, under a line that says where it was made. */
export function toMarkdown(report: Report): string {
  const { machine, versions, engine, threads, rounds, load, peak, quick, date, rows } = report;
  const lines = rows.map((row) => [
    row.what,
    row.against,
    row.ratio === undefined ? row.status : formatRatio(row.ratio),
    row.cpuRatio === undefined ? "" : formatRatio(row.cpuRatio),
    row.goal ?? "",
    [row.fraction && formatFraction(row.fraction), row.towerFraction && `tower ${formatFraction(row.towerFraction)}`]
      .filter((text) => text !== undefined)
      .join(", "),
    row.ours === undefined ? "" : formatTime(row.ours.median),
    row.peer === undefined ? "" : formatTime(row.peer.median),
    row.check === undefined ? "" : `${row.check.distance.toExponential(0)} (${row.check.tolerance.toExponential(0)})`,
    [row.status === "measured" ? "" : row.status, row.note ?? ""].filter((text) => text !== "").join(": "),
  ]);
  const escape = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const table = [columns, columns.map(() => "---"), ...lines].map((cells) => `| ${cells.map(escape).join(" | ")} |`);
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.flags.join(" ")}, ${machine.memoryGiB} GiB; ${machine.system}, Node ${machine.node}; load average ${load.toFixed(1)} before; ${date}.`,
    `Ours on ${engine}; ${threads} threads on each side; ${rounds} interleaved rounds; peak ${(peak.ms / 1e6).toFixed(0)} GFLOP/s, ${(peak.cpu / 1e6).toFixed(0)} a processor second.${quick ? " Quick: fewer pictures and names." : ""}`,
    `Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "",
    ...table,
  ].join("\n");
}

const [begin, end] = ["<!-- measured: begin -->", "<!-- measured: end -->"];

/** A document with what stands between its markers replaced. */
export function replaceMeasured(document: string, table: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`expected the lines "${begin}" and "${end}" in the README; put them back`);
  return `${document.slice(0, from + begin.length)}\n\n${table}\n\n${document.slice(to)}`;
}

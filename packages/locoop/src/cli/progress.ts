import { escapeControls } from "../node/errors.js";
import { cutToWidth, displayWidth } from "../report/columns.js";
import { colour, isQuiet, type LiveLine, setLiveLine } from "./output.js";

/** A progress line: `update` with what is done so far, `end` when the stage is over. */
export interface Progress {
  update(done: number, total?: number, note?: string): void;
  end(): void;
}

/** What a line of progress says. */
export interface ProgressState {
  readonly label: string;
  readonly unit: string;
  readonly done: number;
  readonly total: number;
  readonly seconds: number;
  readonly note?: string;
  /** Was done before the clock ran. */
  readonly from?: number;
}

const duration = (seconds: number): string =>
  seconds < 59.5
    ? `${Math.max(0, Math.round(seconds))} s`
    : seconds < 3570
      ? `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`
      : `${Math.floor(Math.round(seconds / 60) / 60)} h ${Math.round(seconds / 60) % 60} min`;

function describe({ unit, done, total, seconds, note, from = 0 }: ProgressState) {
  const rate = seconds > 0 ? (done - from) / seconds : 0;
  return {
    count: `${done}${total > 0 ? `/${total}` : ""} ${unit}`,
    share: total > 0 ? `${Math.floor((100 * Math.min(done, total)) / total)} %` : "",
    pace: rate > 0 ? `${rate >= 10 ? rate.toFixed(0) : rate.toFixed(1)} ${unit}/s` : "",
    left: rate > 0 && total > done ? `${duration((total - done) / rate)} left` : "",
    note: escapeControls(note ?? ""),
  };
}

/** One plain line of progress: share, rate and time left. */
export function progressLine(state: ProgressState): string {
  const { count, share, pace, left, note } = describe(state);
  const parts = [`${count}${share && ` (${share})`}`, pace, left, note].filter(Boolean);
  return `${escapeControls(state.label)}: ${parts.join(", ")}`;
}

const BAR = 24;

/** The same with a bar, as far as the columns of the terminal go: what matters least is left out first. */
export function progressBar(
  state: ProgressState,
  columns: number,
  paint: (text: string, kind: "done" | "rest") => string = (text) => text,
): string {
  const { count, share, pace, left, note } = describe(state);
  const { done, total } = state;
  const filled = total > 0 ? Math.round((BAR * Math.min(done, total)) / total) : 0;
  const label = escapeControls(state.label);
  const bar = {
    width: BAR,
    text: paint("\u2501".repeat(filled), "done") + paint("\u2500".repeat(BAR - filled), "rest"),
  };
  const part = (text: string) => ({ width: displayWidth(text), text });
  // In the order of the line; the number is what is kept longest, 0 first.
  const parts = [
    { ...part(label), keep: 0 },
    ...(total > 0
      ? [
          { ...bar, keep: 4 },
          { ...part(share.padStart(5)), keep: 1 },
        ]
      : []),
    { ...part(count), keep: 3 },
    { ...part(pace), keep: 5 },
    { ...part(left), keep: 2 },
    { ...part(note), keep: 6 },
  ].filter(({ width }) => width > 0);
  while (parts.length > 1 && parts.reduce((sum, { width }) => sum + width + 2, -2) > columns)
    parts.splice(parts.indexOf(parts.reduce((a, b) => (b.keep > a.keep ? b : a))), 1);
  return parts.length === 1 ? cutToWidth(label, columns) : parts.map(({ text }) => text).join("  ");
}

/** Shows progress on standard error: a bar that is redrawn on a terminal, plain lines every few seconds otherwise. */
export function createProgress({
  label,
  unit = "pictures",
  total = 0,
  from = 0,
  stream = process.stderr,
  quiet = isQuiet(),
  now = Date.now,
}: {
  label: string;
  unit?: string;
  total?: number;
  from?: number;
  stream?: NodeJS.WriteStream;
  quiet?: boolean;
  now?: () => number;
}): Progress {
  if (quiet) return { update() {}, end() {} };
  const start = now();
  const every = stream.isTTY ? 100 : 5000;
  let last = stream.isTTY ? 0 : start;
  let state = { label, unit, done: 0, total, seconds: 0, note: "", from };
  let shown = "";
  let ended = false;
  const paint = (text: string, kind: "done" | "rest"): string =>
    colour(kind === "done" ? "green" : "dim", text, stream);
  const clear = (): void => void stream.write("\r\u001b[2K");
  const draw = (): void => void stream.write(`\r\u001b[2K${progressBar(state, (stream.columns || 80) - 1, paint)}`);
  const line: LiveLine = { clear, draw };
  const show = (): void => {
    state = { ...state, seconds: (now() - start) / 1000 };
    const text = progressLine(state);
    if (text === shown) return;
    shown = text;
    if (!stream.isTTY) {
      stream.write(`${text}\n`);
      return;
    }
    draw();
    setLiveLine(line);
  };
  return {
    update(done, newTotal = state.total, note = "") {
      if (ended) return;
      state = { ...state, done, total: newTotal, note };
      if (now() - last < every) return;
      last = now();
      show();
    },
    end() {
      if (ended) return;
      ended = true;
      if (state.done === 0 && !shown) return;
      show();
      if (!stream.isTTY) return;
      stream.write("\n");
      setLiveLine(undefined);
    },
  };
}

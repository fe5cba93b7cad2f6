import { escapeControls } from "../node/errors.js";

/** A progress line: `update` with what is done so far, `end` when the stage is over. */
export interface Progress {
  update(done: number, total?: number, note?: string): void;
  end(): void;
}

const duration = (seconds: number): string =>
  seconds < 60
    ? `${Math.max(0, Math.round(seconds))} s`
    : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;

/** One line of progress: share, rate and time left; `from` was done before the clock ran. */
export function progressLine(
  label: string,
  unit: string,
  done: number,
  total: number,
  seconds: number,
  note = "",
  from = 0,
): string {
  const rate = seconds > 0 ? (done - from) / seconds : 0;
  const share = total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : "";
  const pace = rate > 0 ? `, ${rate >= 10 ? rate.toFixed(0) : rate.toFixed(1)} ${unit}/s` : "";
  const left = rate > 0 && total > done ? `, ${duration((total - done) / rate)} left` : "";
  return `${label}: ${done}${total > 0 ? `/${total}` : ""} ${unit}${share}${pace}${left}${note ? `, ${note}` : ""}`;
}

/** Shows progress on standard error: one line rewritten on a terminal, plain lines every few seconds otherwise. */
export function createProgress({
  label,
  unit = "pictures",
  total = 0,
  from = 0,
  stream = process.stderr,
  now = Date.now,
}: {
  label: string;
  unit?: string;
  total?: number;
  from?: number;
  stream?: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  now?: () => number;
}): Progress {
  const start = now();
  const every = stream.isTTY ? 100 : 5000;
  let last = stream.isTTY ? 0 : start;
  let size = total;
  let latest = { done: 0, note: "" };
  let shown = "";
  const line = () =>
    escapeControls(progressLine(label, unit, latest.done, size, (now() - start) / 1000, latest.note, from));
  const show = (): void => {
    const text = line();
    if (text === shown) return;
    shown = text;
    stream.write(stream.isTTY ? `\r\u001b[2K${text.slice(0, (stream.columns ?? 100) - 1)}` : `${text}\n`);
  };
  return {
    update(done, newTotal = size, note = "") {
      size = newTotal;
      latest = { done, note };
      if (now() - last < every) return;
      last = now();
      show();
    },
    end() {
      if (latest.done === 0 && !shown) return;
      show();
      if (stream.isTTY) stream.write("\n");
    },
  };
}

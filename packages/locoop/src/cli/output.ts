import { styleText } from "node:util";
import { errorLine, escapeControls } from "../node/errors.js";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** A part of a line that is coloured where colour is wanted. */
export interface Painted {
  readonly style: Style;
  readonly text: string;
}

/** A line that is drawn over and over at the bottom of a terminal: other lines go above it. */
export interface LiveLine {
  clear(): void;
  draw(): void;
}

let quiet = false;
let live: LiveLine | undefined;

/** Whether only results and errors are shown, as `--quiet` asks. */
export function setQuiet(value: boolean): void {
  quiet = value;
}
export const isQuiet = (): boolean => quiet;

/** Says which line is live, or that none is any more. */
export function setLiveLine(line: LiveLine | undefined): void {
  live = line;
}

/** A text in a style: on a terminal that has colours, unless NO_COLOR is set; elsewhere only if FORCE_COLOR is. */
export function colour(style: Style, text: string, stream: NodeJS.WriteStream): string {
  // Node would say that it ignores NO_COLOR if both are set.
  return process.env.NO_COLOR ? text : styleText(style, text, { stream, validateStream: true });
}

/** Marks a part of a line for colour; its text is shown as it is otherwise. */
export const paint = (style: Style, text: string): Painted => ({ style, text });

/** Columns of the terminal that results go to; undefined where they go to a file or a program. */
export const terminalWidth = (): number | undefined => (process.stdout.isTTY && process.stdout.columns) || undefined;

function write(stream: NodeJS.WriteStream, text: string): void {
  live?.clear();
  stream.write(text);
  live?.draw();
}

const render = (pieces: readonly (string | Painted)[], stream: NodeJS.WriteStream): string =>
  pieces
    .map((piece) =>
      typeof piece === "string" ? escapeControls(piece) : colour(piece.style, escapeControls(piece.text), stream),
    )
    .join("");

/** One line of result on standard output; control characters escaped. */
export function print(...pieces: readonly (string | Painted)[]): void {
  write(process.stdout, `${render(pieces, process.stdout)}\n`);
}

/** Several lines that are laid out already; the rule of a table is dim and the header above it bold. */
export function printBlock(text: string): void {
  const lines = text.replace(/\n+$/, "").split("\n");
  const isRule = (line = ""): boolean => /^[\u2500 ]+$/.test(line);
  for (const [i, line] of lines.entries())
    if (isRule(line)) print(paint("dim", line));
    else if (isRule(lines[i + 1])) print(paint("bold", line));
    else print(line);
}

// JSON leaves some that a terminal obeys, and takes them as escapes as well.
const toJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** A result as JSON on standard output. */
export function printJson(value: unknown): void {
  write(process.stdout, `${toJson(value, 2)}\n`);
}

/** One of many results: JSON on a line of its own. */
export function printJsonLine(value: unknown): void {
  write(process.stdout, `${toJson(value)}\n`);
}

const words: Record<string, Style> = { warning: "yellow", unreadable: "yellow", notice: "cyan" };

/** One line beside the results, on standard error; `--quiet` leaves it out. */
export function notice(line: string): void {
  if (quiet) return;
  const word = /^(\w+): /.exec(line)?.[1] ?? "";
  const style = Object.hasOwn(words, word) ? words[word] : undefined;
  const pieces = style === undefined ? [line] : [paint(style, `${word}:`), line.slice(word.length + 1)];
  write(process.stderr, `${render(pieces, process.stderr)}\n`);
}

/** Why a command failed: one line on standard error, `--quiet` or not. */
export function printError(error: unknown): void {
  write(process.stderr, `${render([paint("red", "error:"), ` ${errorLine(error)}`], process.stderr)}\n`);
}

/** A fraction in percent with one decimal. */
export const percent = (fraction: number): string => (100 * fraction).toFixed(1);

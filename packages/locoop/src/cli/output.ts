import { escapeControls } from "../node/errors.js";

/** One line of result on standard output; control characters escaped. */
export function print(line = ""): void {
  process.stdout.write(`${escapeControls(line)}\n`);
}

/** Several lines that are laid out already. */
export function printBlock(text: string): void {
  for (const line of text.replace(/\n+$/, "").split("\n")) print(line);
}

/** A result as JSON on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** One line beside the results, on standard error. */
export function notice(line: string): void {
  process.stderr.write(`${escapeControls(line)}\n`);
}

/** A fraction in percent with one decimal. */
export const percent = (fraction: number): string => (100 * fraction).toFixed(1);

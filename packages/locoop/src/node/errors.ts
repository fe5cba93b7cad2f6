/**
 * A command or function that was called wrongly: the command line exits with 2 on it, and with 1 on every other error.
 *
 * @example
 * ```ts
 * import { trainRuns, UsageError } from "locoop/node";
 *
 * const asked = { data: "pictures", weights: "clip.safetensors", out: "run", shots: 0 };
 * const error: unknown = await trainRuns(asked).catch((reason: unknown) => reason);
 * console.log(error instanceof UsageError); // → true
 * ```
 */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * Makes a text from outside (a file, class or option name) safe to show on a terminal: control characters, line breaks and
 * direction marks become visible escapes such as `\x1b`.
 *
 * @example
 * ```ts
 * import { escapeControls } from "locoop/node";
 * console.log(escapeControls("red\u001b[31m")); // red\x1b[31m
 * ```
 */
export function escapeControls(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => {
    const code = c.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** The one line that the command line shows for an error: its message on one line, controls escaped. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return escapeControls(message.replace(/\s*[\r\n]+\s*/g, " "));
}

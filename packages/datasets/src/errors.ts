/**
 * A data set that is not as it should be: one line that says what was expected, what came and what to do.
 *
 * @example
 * ```ts
 * import { DatasetError, imageFolder } from "@locoop/datasets";
 *
 * const error: unknown = await imageFolder("no/such/folder").catch((reason: unknown) => reason);
 * if (error instanceof DatasetError) console.log(error.message);
 * ```
 */
export class DatasetError extends Error {
  override readonly name = "DatasetError";

  constructor(message: string, options?: ErrorOptions) {
    // Names out of files are quoted: no line breaks, colours or turned text of theirs.
    super(message.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "?"), options);
  }
}

/** The first few of many names, for a message of one line. */
export function listSome(names: readonly string[], shown = 5): string {
  const rest = names.length - shown;
  return names.slice(0, shown).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** The code of a failed system call, or its message where there is none. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return "code" in error && typeof error.code === "string" ? error.code : error.message;
  return String(error);
}

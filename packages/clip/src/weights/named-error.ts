import { printable } from "./printable.js";

const longest = 800; // what a file makes a message say has an end

/** An error in one line of text that begins with the file's name, once. */
export function nameError(name: string, thrown: unknown): Error {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const rest = message.startsWith(name) ? message.slice(name.length) : `: ${message}`;
  return new Error(name + printable(rest.replace(/\s+/g, " ").trimEnd(), longest), { cause: thrown });
}

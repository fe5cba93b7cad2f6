/** An error in one line that begins with the file's name, once. */
export function nameError(name: string, thrown: unknown): Error {
  const message = (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\s+/g, " ").trim();
  return message.startsWith(name)
    ? new Error(message, { cause: thrown })
    : new Error(`${name}: ${message}`, { cause: thrown });
}

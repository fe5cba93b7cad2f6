const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Text out of a file as a message may show it: on one line, without control characters, cut at 200 by default. */
export function printable(text: string, longest = 200): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}...` : text;
  return cut.replace(new RegExp(unprintable, "gu"), "?");
}

/** Any value of a file, such as one of its JSON, as a message may show it. */
export function shown(value: unknown): string {
  return printable(typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing"));
}

/** Whether text is on one line and without control characters. */
export function isPrintable(text: string): boolean {
  return !unprintable.test(text);
}

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Text out of a file as a message may show it: on one line, without control characters, cut at 200. */
export function printable(text: string): string {
  const cut = text.length > 200 ? `${text.slice(0, 200)}...` : text;
  return cut.replace(new RegExp(unprintable, "gu"), "?");
}

/** Whether text is on one line and without control characters. */
export function isPrintable(text: string): boolean {
  return !unprintable.test(text);
}

/** Names, one a line, and what is wrong with them in a sentence. */
export function readClassNames(text: string): { readonly names: readonly string[]; readonly problem?: string } {
  const names = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const same = (name: string): string => name.replaceAll("_", " ").replace(/\s+/g, " ").toLowerCase();
  const twice = names.find((name, i) => names.findIndex((other) => same(other) === same(name)) < i);
  if (twice !== undefined)
    return {
      names,
      problem: `“${twice}” is named twice: two classes of one name cannot be told apart. Change or remove one.`,
    };
  if (names.length < 2)
    return { names, problem: "Name at least two classes, one a line: with fewer there is nothing to tell apart." };
  return { names };
}

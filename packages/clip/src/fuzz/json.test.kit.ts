import type { Random } from "../random.js";
import { chance, interestingIntegers, pick } from "./bytes.test.kit.js";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Names that mean something to JavaScript, to file systems or to terminals, or that are merely long. */
export const hostileNames: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "then",
  "length",
  "0",
  "",
  " ",
  "../../outside",
  "/etc/passwd",
  "..\\outside",
  "C:\\outside",
  "a\0b",
  "a\nb",
  "\u001b[31mred",
  "\u2028",
  "\ud800",
  "\u202e",
  "x".repeat(3000),
];

const numbers: readonly Json[] = [...interestingIntegers.map(Number), 0.5, -0.5, -0, 1e308, 1e-308, 1e21, 2 ** 53 + 2];
const others: readonly Json[] = [
  null,
  true,
  false,
  "",
  "F32",
  "F16",
  "U8",
  "BOOL",
  "F64",
  "\u0000",
  [],
  {},
  [[]],
  [0],
  [1, 1],
];

/** A copy of a JSON value in which one to a few places hold another value, another name, more or less of it. */
export function mutateJson(value: Json, random: Random): Json {
  const copy = structuredClone(value);
  const holder = { root: copy };
  const rounds = 1 + (chance(random, 0.6) ? 0 : random.integer(5));
  for (let i = 0; i < rounds; i++) {
    const [parent, key] = pick(random, places(holder));
    change(parent, key, random);
  }
  return holder.root;
}

/** JSON text of a mutated value; in some cases with what a parser may stumble over: repeated keys, huge numbers, deep nesting. */
export function mutateJsonText(value: Json, random: Random): string {
  let text = JSON.stringify(mutateJson(value, random));
  if (chance(random, 0.1))
    text = text.replace(/-?\d+/, () => pick(random, ["1e999", "-0", "1E2", "00", "0x10", "9".repeat(400)]));
  if (chance(random, 0.05)) text = text.replace("{", () => `{"a":1,"a":2,"__proto__":{"polluted":true},`);
  if (chance(random, 0.03)) text = text.replace(/\[/, (bracket) => bracket.repeat(pick(random, [2, 100, 20_000])));
  if (chance(random, 0.03)) text = `${pick(random, ["\ufeff", " ", "\n", "/**/"])}${text}`;
  return text;
}

type Place = readonly [parent: Record<string, Json>, key: string];

function places(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null) return found;
  const parent = value as Record<string, Json>;
  for (const key of Object.keys(parent)) {
    found.push([parent, key]);
    places(parent[key], found);
  }
  return found;
}

function change(parent: Record<string, Json>, key: string, random: Random): void {
  const value = parent[key];
  switch (random.integer(9)) {
    case 0:
      parent[key] = pick(random, numbers);
      return;
    case 1:
      parent[key] = structuredClone(pick(random, others));
      return;
    case 2:
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else if (parent.root === undefined) delete parent[key];
      return;
    case 3:
      define(parent, pick(random, hostileNames), structuredClone(value ?? null));
      return;
    case 4:
      if (Array.isArray(value)) value.push(pick(random, numbers));
      else parent[key] = pick(random, hostileNames);
      return;
    case 5:
      if (typeof value === "number") parent[key] = value + random.integer(9) - 4;
      else parent[key] = [value ?? null];
      return;
    case 6:
      if (typeof value === "number") parent[key] = value * pick(random, [2, -1, 0.5, 1024, 2 ** 31]);
      else if (typeof value === "string") parent[key] = value.repeat(pick(random, [0, 2, 50]));
      return;
    default: {
      // The same value in two places: equal ranges, equal names, lists that differ from what they describe.
      const keys = Object.keys(parent);
      parent[key] = structuredClone(parent[pick(random, keys)] ?? null);
    }
  }
}

/** Sets a property even where its name is `__proto__`. */
function define(parent: object, key: string, value: Json): void {
  if (Array.isArray(parent)) parent.push(value);
  else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

import { InvalidArgumentError } from "commander";
import { parseRgb, type Rgb } from "../report/color-map.js";

/** A whole number of at least `least`. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`expected a whole number of ${least} or more.`);
    return value;
  };

/** Any finite number. */
export const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("expected a number.");
  return value;
};

/** A number of at least `least`. */
export const numberFrom =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < least)
      throw new InvalidArgumentError(`expected a number of ${least} or more.`);
    return value;
  };

/** "1,2,3" or "1-3". */
export function seedList(text: string): number[] {
  const range = /^(\d+)-(\d+)$/.exec(text);
  const [first, last] = range ? [Number(range[1]), Number(range[2])] : [0, 0];
  const seeds =
    range && last >= first && last - first < 1000
      ? Array.from({ length: last - first + 1 }, (_, i) => first + i)
      : text.split(",").map(wholeNumber(0));
  if (new Set(seeds).size !== seeds.length) throw new InvalidArgumentError("expected different seeds.");
  return seeds;
}

/** "0.5,1": the least and the greatest share of the area that a crop keeps. */
export function cropRange(text: string): [number, number] {
  const [least, most, ...more] = text.split(/[,-]/).map(Number);
  if (least === undefined || most === undefined || more.length > 0 || !(least > 0 && least <= most && most <= 1))
    throw new InvalidArgumentError("expected two shares of the area, such as 0.5,1.");
  return [least, most];
}

/** One of a few words; the shells' completion knows them by `words`. */
export const oneOf = (
  ...words: readonly string[]
): ((text: string) => string) & { readonly words: readonly string[] } => {
  const parse = (text: string): string => {
    if (!words.includes(text)) throw new InvalidArgumentError(`expected ${words.join(", ")}.`);
    return text;
  };
  return Object.assign(parse, { words });
};

/** An option that may come several times, or as a list with commas. */
export const list = (text: string, before: readonly string[] = []): string[] => [
  ...before,
  ...text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean),
];

/** An option that may come several times, each as it stands: a value may hold commas. */
export const several = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** NAME=DIR, several times. */
export function namedFolder(
  text: string,
  before: readonly { name: string; dir: string }[] = [],
): { name: string; dir: string }[] {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError("expected NAME=DIR, such as sun=data/SUN.");
  const name = text.slice(0, at);
  if (before.some((set) => set.name === name)) throw new InvalidArgumentError(`the name "${name}" comes twice.`);
  return [...before, { name, dir: text.slice(at + 1) }];
}

/** Formats of region pictures: "png,svg,html"; each once. */
export function formatList(text: string, before: readonly string[] = []): string[] {
  const formats = [...new Set(list(text, before))];
  if (formats.length === 0 || formats.some((format) => !["png", "svg", "html"].includes(format)))
    throw new InvalidArgumentError("expected some of png, svg, html, such as png,html.");
  return formats;
}

/** A colour as #rrggbb. */
export function colorCode(text: string): Rgb {
  const color = parseRgb(text);
  if (!color) throw new InvalidArgumentError("expected a colour such as #ff6000.");
  return color;
}

/** "0.1,0.3": the cosines of a heat map's darkest and lightest colour. */
export function cosineRange(text: string): [number, number] {
  const [low, high, ...more] = text.split(",").map(number);
  if (low === undefined || high === undefined || more.length > 0 || !(low < high))
    throw new InvalidArgumentError("expected two numbers, the lower first, such as 0.1,0.3.");
  return [low, high];
}

/** A share, 0 to 1. */
export function share(text: string): number {
  const value = number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("expected a number from 0 to 1.");
  return value;
}

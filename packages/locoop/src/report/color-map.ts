/** A colour as red, green and blue, 0 to 255 each. */
export type Rgb = readonly [number, number, number];

// Evenly spaced stops of the published maps (matplotlib; cividis: Nunez, Anderton and Renslow, PLoS ONE 2018), between which
// colours are interpolated. All three rise steadily in lightness, so that they can be read without telling hues apart and in print.
const stops: Readonly<Record<ColorMap, string>> = {
  viridis: "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
  cividis: "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
  magma: "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
};

/** A colour map by its name: `cividis` looks the same to most colour-blind people as to others. */
export type ColorMap = "viridis" | "cividis" | "magma";

/** The names of the colour maps. */
export const colorMaps = Object.keys(stops) as ColorMap[];

const tables = new Map<ColorMap, readonly Rgb[]>();

function tableOf(map: ColorMap): readonly Rgb[] {
  let table = tables.get(map);
  if (!table) {
    const digits = stops[map].replaceAll(" ", "");
    table = Array.from({ length: digits.length / 6 }, (_, i) => parseRgb(digits.slice(i * 6, i * 6 + 6))!);
    tables.set(map, table);
  }
  return table;
}

/** The colour at a share of a map, 0 (dark) to 1 (light); shares outside are cut. */
export function colorAt(map: ColorMap, share: number): Rgb {
  const table = tableOf(map);
  const at = Math.min(1, Math.max(0, Number.isNaN(share) ? 0 : share)) * (table.length - 1);
  const below = Math.min(table.length - 2, Math.floor(at));
  return mixRgb(table[below]!, table[below + 1]!, at - below);
}

/** A colour between two others. */
export function mixRgb(from: Rgb, to: Rgb, share: number): Rgb {
  const mix = (i: 0 | 1 | 2): number => Math.round(from[i] + (to[i] - from[i]) * share);
  return [mix(0), mix(1), mix(2)];
}

/** `#rrggbb`, `rrggbb` or `#rgb` as a colour; undefined if it is none. */
export function parseRgb(text: string): Rgb | undefined {
  const digits = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim())?.[1];
  if (digits === undefined) return undefined;
  const wide = digits.length === 3 ? [...digits].map((digit) => digit + digit).join("") : digits;
  const part = (i: number): number => Number.parseInt(wide.slice(i, i + 2), 16);
  return [part(0), part(2), part(4)];
}

/** A colour as `#rrggbb`. */
export const toHex = (color: Rgb): string => `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;

/** Black or white, whichever is the easier to read on a colour (WCAG's contrast ratio). */
export function inkOn(color: Rgb): Rgb {
  const [r, g, b] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? [0, 0, 0] : [255, 255, 255];
}

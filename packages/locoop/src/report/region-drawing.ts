import { type ColorMap, colorAt, inkOn, mixRgb, type Rgb, toHex } from "./color-map.js";
import { drawnSize, type Rectangle, regionEdges, type RegionPlace, shownPart } from "./region-geometry.js";

/** A drawing's parts, from the back to the front; places and sizes in pixels of the drawing. */
export type Shape =
  | {
      readonly kind: "picture";
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      /** Without its colours, for those of a heat map to be read. */
      readonly gray: boolean;
    }
  | {
      readonly kind: "rect";
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly fill: string;
      readonly opacity: number;
      /** What a pointer at rest on it is told. */
      readonly title?: string;
    }
  | {
      readonly kind: "lines";
      /** Straight lines as [x1, y1, x2, y2]. */
      readonly lines: readonly (readonly [number, number, number, number])[];
      readonly color: string;
      readonly width: number;
      readonly dashed?: boolean;
    }
  | {
      readonly kind: "text";
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly size: number;
      readonly color: string;
      readonly anchor: "start" | "middle" | "end";
      readonly bold?: boolean;
    };

/** Shapes on a sheet of a size, over (a part of) a picture. */
export interface RegionDrawing {
  readonly width: number;
  readonly height: number;
  /** What of the picture the shape `picture` shows, in the picture's pixels. */
  readonly part: Rectangle;
  /** In what size, in the drawing's pixels. */
  readonly picture: { readonly width: number; readonly height: number };
  readonly shapes: readonly Shape[];
}

/** A picture's regions, with what is known of each: P = grid x grid values, row by row. */
export interface RegionScene extends RegionPlace {
  /** [P], not 0 where the region is ID-irrelevant. */
  readonly mask: ArrayLike<number>;
  /** [P], a number of each region, such as its cosine with the label: drawn as a heat map. */
  readonly values?: ArrayLike<number>;
  /** [P], what a pointer at rest on a region is told. */
  readonly titles?: readonly string[];
}

/** How regions are drawn. */
export interface RegionStyle {
  /** Long side of the drawing at most, in pixels. */
  readonly size?: number;
  /** Which regions are painted where there are no values: the ID-irrelevant ones, or the others, as in the paper's figures. */
  readonly paint?: "irrelevant" | "relevant";
  /** Of painted regions; default orange, or the reference's grey for `"relevant"`. */
  readonly color?: Rgb;
  /** 0 = the picture alone, 1 = hides it; default 0.45 (`"irrelevant"`), 1 (`"relevant"`), 0.75 (values). */
  readonly opacity?: number;
  readonly colorMap?: ColorMap;
  /** Values of the darkest and the lightest colour; default the least and the greatest. */
  readonly range?: readonly [number, number];
  /** Writes the values into the regions where they fit. */
  readonly numbers?: boolean;
}

/** Lightness that a heat map's legend stands on, as a picture's middle. */
const middleGray: Rgb = [128, 128, 128];

/** Opacity of a heat map over its picture. */
export const heatOpacity = 0.75;

/** The colour in which a value of a heat map appears, over a picture's middle gray. */
export const heatColor = (map: ColorMap, share: number, opacity = heatOpacity): Rgb =>
  mixRgb(middleGray, colorAt(map, share), opacity);

/** The least and the greatest of all finite values; a range of some width even if they are all the same. */
export function rangeOfValues(...lists: readonly ArrayLike<number>[]): readonly [number, number] {
  let [least, greatest] = [Infinity, -Infinity];
  for (const list of lists)
    for (let i = 0; i < list.length; i++) {
      if (!Number.isFinite(list[i])) continue;
      least = Math.min(least, list[i]!);
      greatest = Math.max(greatest, list[i]!);
    }
  if (!(least <= greatest)) return [0, 1];
  return least < greatest ? [least, greatest] : [least - 0.005, greatest + 0.005];
}

/** A value in few signs, for the middle of a region: ".23", "-.05", "1.3". */
export const shortNumber = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(Math.abs(value) < 10 ? 2 : 0).replace(/^(-?)0\./, "$1.") : "?";

function check({ mask, values, titles, grid }: RegionScene): void {
  const regions = grid * grid;
  for (const [name, list] of Object.entries({ mask, values, titles }))
    if (list !== undefined && list.length !== regions)
      throw new RangeError(
        `drawRegionPicture: a grid of ${grid} x ${grid} regions needs ${regions} ${name === "mask" ? "mask values" : name}, got ${list.length}; pass the grid of the model that gave them`,
      );
}

/**
 * Draws a picture's regions where the model saw them: shapes for SVG, a canvas or any other surface. Plain data in and out, no
 * pixels: the same function serves PNG, SVG, HTML and a browser page.
 *
 * Without `values` the ID-irrelevant regions are painted; with them every region has the colour of its value over the gray
 * picture, and the ID-irrelevant ones are outlined. What lay outside the model's crop is darkened.
 *
 * @throws RangeError if mask, values and grid do not fit together
 *
 * @example
 * ```ts
 * import { cropFor } from "@locoop/clip";
 * import { drawRegionPicture, toSvg } from "locoop";
 *
 * const scene = { width: 8, height: 4, crop: cropFor(8, 4, 224), grid: 2, mask: [0, 1, 0, 0] };
 * const drawing = drawRegionPicture(scene, { size: 80 });
 * console.log(drawing.width, drawing.height); // → 80 40
 * console.log(toSvg(drawing, { href: "photo.png" }).startsWith("<svg")); // → true
 * ```
 */
export function drawRegionPicture(scene: RegionScene, style: RegionStyle = {}): RegionDrawing {
  const { size = 640, paint = "irrelevant", colorMap = "cividis", numbers = false } = style;
  check(scene);
  const { mask, values, titles, grid } = scene;
  const part = shownPart(scene);
  const { width, height } = drawnSize(part, size);
  const edges = regionEdges(scene);
  const columns = edges.columns.map((edge) => ((edge - part.left) * width) / part.width);
  const rows = edges.rows.map((edge) => ((edge - part.top) * height) / part.height);
  const line = Math.max(1, Math.min(width, height) / 240);
  const shapes: Shape[] = [{ kind: "picture", x: 0, y: 0, width, height, gray: values !== undefined }];
  const irrelevant = (x: number, y: number): boolean => mask[y * grid + x] !== 0;
  const inside = (x: number, y: number): boolean => x >= 0 && y >= 0 && x < grid && y < grid;
  const cell = (x: number, y: number) => ({
    kind: "rect" as const,
    x: columns[x]!,
    y: rows[y]!,
    width: columns[x + 1]! - columns[x]!,
    height: rows[y + 1]! - rows[y]!,
  });
  const range = style.range ?? rangeOfValues(values ?? []);
  const shareOf = (value: number): number => (value - range[0]) / (range[1] - range[0]);
  const {
    color = paint === "irrelevant" ? ([255, 96, 0] as const) : ([200, 200, 200] as const),
    opacity = values ? heatOpacity : paint === "irrelevant" ? 0.45 : 1,
  } = style;

  for (let y = 0; y < grid; y++)
    for (let x = 0; x < grid; x++) {
      const region = y * grid + x;
      const value = values?.[region];
      const painted = value !== undefined ? Number.isFinite(value) : irrelevant(x, y) === (paint === "irrelevant");
      const title = titles?.[region];
      if (!painted && title === undefined) continue;
      const fill = value !== undefined ? colorAt(colorMap, shareOf(value)) : color;
      shapes.push({
        ...cell(x, y),
        fill: toHex(fill),
        opacity: painted ? opacity : 0,
        ...(title !== undefined && { title }),
      });
    }

  for (const dark of outside(columns, rows, width, height))
    shapes.push({ kind: "rect", ...dark, fill: "#181818", opacity: 0.65 });
  const frame: [number, number, number, number][] = [];
  const [left, right, top, bottom] = [columns[0]!, columns[grid]!, rows[0]!, rows[grid]!];
  if (left > 0.5) frame.push([left, top, left, bottom]);
  if (right < width - 0.5) frame.push([right, top, right, bottom]);
  if (top > 0.5) frame.push([left, top, right, top]);
  if (bottom < height - 0.5) frame.push([left, bottom, right, bottom]);
  if (frame.length > 0) shapes.push({ kind: "lines", lines: frame, color: "#ffffff", width: line });

  // Around the ID-irrelevant regions, wherever one meets another kind of region or the end of the crop.
  const outline: [number, number, number, number][] = [];
  for (let y = 0; y < grid; y++)
    for (let x = 0; x < grid; x++) {
      if (!irrelevant(x, y)) continue;
      const [x1, x2, y1, y2] = [columns[x]!, columns[x + 1]!, rows[y]!, rows[y + 1]!];
      const open = (dx: number, dy: number): boolean => !inside(x + dx, y + dy) || !irrelevant(x + dx, y + dy);
      if (open(-1, 0)) outline.push([x1, y1, x1, y2]);
      if (open(1, 0)) outline.push([x2, y1, x2, y2]);
      if (open(0, -1)) outline.push([x1, y1, x2, y1]);
      if (open(0, 1)) outline.push([x1, y2, x2, y2]);
    }
  if (outline.length > 0 && (values !== undefined || paint === "irrelevant")) {
    // Dark below the colour, so that it shows on any picture.
    shapes.push({ kind: "lines", lines: outline, color: "#000000", width: line * 2.5 });
    shapes.push({ kind: "lines", lines: outline, color: values ? "#ffffff" : toHex(color), width: line * 1.25 });
  }

  if (values && numbers) {
    const text = Math.min((columns[1]! - columns[0]!) / 2.9, (rows[1]! - rows[0]!) / 1.6);
    if (text >= 6)
      for (let region = 0; region < grid * grid; region++) {
        const { x, y, width: across, height: down } = cell(region % grid, Math.floor(region / grid));
        const value = values[region]!;
        shapes.push({
          kind: "text",
          x: x + across / 2,
          y: y + down / 2 + Math.min(text, 16) * 0.35,
          text: shortNumber(value),
          size: Math.min(text, 16),
          color: toHex(inkOn(heatColor(colorMap, shareOf(value), opacity))),
          anchor: "middle",
        });
      }
  }
  return { width, height, part, picture: { width, height }, shapes };
}

/** Up to four rectangles around the crop. */
function outside(
  columns: readonly number[],
  rows: readonly number[],
  width: number,
  height: number,
): { x: number; y: number; width: number; height: number }[] {
  const [left, right, top, bottom] = [columns[0]!, columns.at(-1)!, rows[0]!, rows.at(-1)!];
  return [
    { x: 0, y: 0, width: left, height },
    { x: right, y: 0, width: width - right, height },
    { x: left, y: 0, width: right - left, height: top },
    { x: left, y: bottom, width: right - left, height: height - bottom },
  ].filter((side) => side.width > 0 && side.height > 0);
}

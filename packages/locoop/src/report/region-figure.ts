import { type ColorMap, toHex } from "./color-map.js";
import {
  drawRegionPicture,
  heatColor,
  rangeOfValues,
  type RegionDrawing,
  type RegionStyle,
  type RegionScene,
  type Shape,
} from "./region-drawing.js";

/** A picture's regions with the numbers that a figure shows of each, [P] row by row. */
export interface RegionMeasures extends Omit<RegionScene, "values" | "titles"> {
  /** Cosine with the class that the picture shows. */
  readonly labelSimilarity: ArrayLike<number>;
  /** Cosine with the most similar other class. */
  readonly otherSimilarity: ArrayLike<number>;
  /** Name of that class. */
  readonly otherNames: readonly string[];
  /** Name of the class that the picture shows. */
  readonly label: string;
}

/** One panel of a figure. */
export interface RegionPanel {
  readonly name: "regions" | "label" | "other";
  readonly title: string;
  readonly drawing: RegionDrawing;
}

/** The panels of a figure and what their colours mean. */
export interface RegionPanels {
  readonly panels: readonly RegionPanel[];
  /** Cosines of the darkest and the lightest colour. */
  readonly range: readonly [number, number];
  readonly colorMap: ColorMap;
}

const cosine = (value: number | undefined): string => (value ?? Number.NaN).toFixed(3);

/**
 * A picture's three panels: its ID-irrelevant regions, and as heat maps on one scale the regions' cosines with the label and with
 * the best other class.
 *
 * @throws RangeError if the numbers do not fit the grid
 * @example
 * ```ts
 * import { cropFor } from "@locoop/clip";
 * import { drawRegionPanels } from "locoop";
 *
 * const { panels, range } = drawRegionPanels({
 *   width: 8, height: 4, crop: cropFor(8, 4, 224), grid: 2, mask: [0, 1, 0, 0], label: "cat",
 *   labelSimilarity: [0.3, 0.1, 0.2, 0.25], otherSimilarity: [0.2, 0.3, 0.1, 0.1], otherNames: ["dog", "dog", "car", "dog"],
 * });
 * console.log(panels.map(({ name }) => name).join(" "), range[1]); // → regions label other 0.3
 * ```
 */
export function drawRegionPanels(measures: RegionMeasures, style: RegionStyle = {}): RegionPanels {
  const { labelSimilarity, otherSimilarity, otherNames, label, grid } = measures;
  const { colorMap = "cividis", range = rangeOfValues(labelSimilarity, otherSimilarity), numbers = true } = style;
  const titles = Array.from(
    { length: grid * grid },
    (_, i) =>
      `row ${Math.floor(i / grid) + 1}, column ${(i % grid) + 1}: ${label} ${cosine(labelSimilarity[i])}, best other ${otherNames[i] ?? "none"} ${cosine(otherSimilarity[i])}${measures.mask[i] === 0 ? "" : "; ID-irrelevant"}`,
  );
  const heat = { ...style, colorMap, range, numbers };
  const count = Array.from(measures.mask).reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
  return {
    range,
    colorMap,
    panels: [
      {
        name: "regions",
        title: `${count} of ${grid * grid} regions are ID-irrelevant`,
        drawing: drawRegionPicture({ ...measures, titles }, style),
      },
      {
        name: "label",
        title: `Similarity to “${label}”`,
        drawing: drawRegionPicture({ ...measures, titles, values: labelSimilarity }, { ...heat, opacity: undefined }),
      },
      {
        name: "other",
        title: "Similarity to the best other class",
        drawing: drawRegionPicture({ ...measures, titles, values: otherSimilarity }, { ...heat, opacity: undefined }),
      },
    ],
  };
}

const ink = "#1c1f23";
const soft = "#59616b";
const margin = 16;
const gap = 16;

/** A text cut to a width, with three dots where something is missing; letters are taken for as wide as they are on average. */
export function cutText(text: string, width: number, size: number): string {
  const wide = /[\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]|\p{Extended_Pictographic}/u;
  let used = 0;
  const letters = [...text];
  for (const [i, letter] of letters.entries()) {
    used += size * (wide.test(letter) ? 1 : 0.56);
    if (used > width) return `${letters.slice(0, Math.max(0, i - 1)).join("")}…`;
  }
  return text;
}

function legend({ range, colorMap }: RegionPanels, x: number, y: number, width: number): Shape[] {
  const steps = 64;
  const shapes: Shape[] = Array.from({ length: steps }, (_, i) => ({
    kind: "rect",
    x: x + Math.round((i * width) / steps),
    y,
    width: Math.round(((i + 1) * width) / steps) - Math.round((i * width) / steps),
    height: 12,
    fill: toHex(heatColor(colorMap, i / (steps - 1))),
    opacity: 1,
  }));
  for (const share of [0, 0.5, 1]) {
    const value = range[0] + share * (range[1] - range[0]);
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
    shapes.push({
      kind: "text",
      x: x + share * width,
      y: y + 27,
      text: value.toFixed(3),
      size: 12,
      color: soft,
      anchor,
    });
  }
  return shapes;
}

/**
 * A figure of a picture's panels with titles, legend and words below a heading, as one drawing for an SVG or a PNG file.
 *
 * @example
 * ```ts
 * import { cropFor } from "@locoop/clip";
 * import { drawRegionFigure, drawRegionPanels, toSvg } from "locoop";
 *
 * const measures = {
 *   width: 4, height: 4, crop: cropFor(4, 4, 224), grid: 1, mask: [0], label: "cat",
 *   labelSimilarity: [0.3], otherSimilarity: [0.2], otherNames: ["dog"],
 * };
 * const figure = drawRegionFigure(drawRegionPanels(measures), { heading: "a.png", lines: ["cat, as predicted"] });
 * console.log(toSvg(figure, { href: "a.png" }).includes(">a.png</text>")); // → true
 * ```
 */
export function drawRegionFigure(
  drawn: RegionPanels,
  { heading, lines = [] }: { heading: string; lines?: readonly string[] },
): RegionDrawing {
  const { panels } = drawn;
  const { width, height, part, picture } = panels[0]!.drawing;
  const beside = width / height < 2; // wide pictures stand below one another
  const cellWidth = Math.max(width, 280);
  const across = beside ? panels.length : 1;
  const sheetWidth = Math.max(across * cellWidth + (across - 1) * gap, 520) + 2 * margin;
  const shapes: Shape[] = [];
  let y = margin + 18;
  const text = (
    words: string,
    size: number,
    color: string,
    at = margin,
    room = sheetWidth - 2 * margin,
    bold = false,
  ) => shapes.push({ kind: "text", x: at, y, text: cutText(words, room, size), size, color, anchor: "start", bold });
  text(heading, 18, ink, margin, sheetWidth - 2 * margin, true);
  for (const line of lines) {
    y += 21;
    text(line, 14, soft);
  }
  y += 14;
  for (const [i, { title, drawing }] of panels.entries()) {
    const left = margin + (beside ? i * (cellWidth + gap) : 0);
    if (i === 0 || !beside) y += 16;
    text(title, 14, ink, left, cellWidth);
    const top = Math.round(y + 8);
    for (const shape of drawing.shapes) shapes.push(moved(shape, left, top));
    if (!beside) y = top + height + 10;
  }
  if (beside) y += 8 + height;
  y += 22;
  shapes.push(...legend(drawn, margin, y + 12, Math.min(320, sheetWidth - 2 * margin)));
  text("Cosine similarity; ID-irrelevant regions outlined", 12, soft);
  const sheetHeight = Math.ceil(y + 12 + 27 + margin);
  const paper: Shape = {
    kind: "rect",
    x: 0,
    y: 0,
    width: sheetWidth,
    height: sheetHeight,
    fill: "#ffffff",
    opacity: 1,
  };
  return { width: sheetWidth, height: sheetHeight, part, picture, shapes: [paper, ...shapes] };
}

function moved(shape: Shape, dx: number, dy: number): Shape {
  if (shape.kind === "lines")
    return {
      ...shape,
      lines: shape.lines.map(([x1, y1, x2, y2]) => [x1 + dx, y1 + dy, x2 + dx, y2 + dy] as const),
    };
  return { ...shape, x: shape.x + dx, y: shape.y + dy };
}

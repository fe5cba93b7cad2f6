import { escapeHtml } from "./escape.js";
import type { RegionDrawing, Shape } from "./region-drawing.js";

/** What a drawing needs to become SVG. */
export interface ToSvgOptions {
  /** Address of the picture's shown part (`drawing.part`), such as a data: URI. */
  readonly href: string;
  /** Instead of `href`, the `id` of a drawing of the same picture and size that stands earlier on the page. */
  readonly shared?: string;
  /** What the drawing shows, in words, for screen readers. */
  readonly title?: string;
  /** Begins the names of the drawing's parts: one for each drawing of a page. */
  readonly id?: string;
  /** Whether enlarged pixels stay squares, as for pictures of few pixels. */
  readonly pixelated?: boolean;
}

// Not allowed in XML, unlike in HTML.
const escapeXml = (text: string): string => escapeHtml(text).replace(/[\ufffe\uffff]/g, "\ufffd");

const round = (value: number): string => String(Math.round(value * 1000) / 1000);

function attributes(values: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(values)
    .filter((entry): entry is [string, string | number] => entry[1] !== undefined)
    .map(([name, value]) => ` ${name}="${typeof value === "number" ? round(value) : escapeXml(value)}"`)
    .join("");
}

function shapeToSvg(shape: Shape, id: string, picture: string): string {
  switch (shape.kind) {
    case "picture": {
      const { x, y, gray } = shape;
      return `<use${attributes({ href: `#${picture}-picture`, x, y, filter: gray ? `url(#${id}-gray)` : undefined })}/>`;
    }
    case "rect": {
      const { x, y, width, height, fill, opacity, title } = shape;
      const rect = attributes({ x, y, width, height, fill, "fill-opacity": opacity < 1 ? opacity : undefined });
      return title === undefined ? `<rect${rect}/>` : `<rect${rect}><title>${escapeXml(title)}</title></rect>`;
    }
    case "lines": {
      const { lines, color, width, dashed } = shape;
      const d = lines.map(([x1, y1, x2, y2]) => `M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}`).join("");
      const dash = dashed ? `${round(width * 4)} ${round(width * 3)}` : undefined;
      return `<path${attributes({ d, fill: "none", stroke: color, "stroke-width": width, "stroke-linecap": "square", "stroke-dasharray": dash, "shape-rendering": "auto" })}/>`;
    }
    case "text": {
      const { x, y, text, size, color, anchor, bold } = shape;
      const style = { "font-size": size, fill: color, "text-anchor": anchor === "start" ? undefined : anchor };
      return `<text${attributes({ x, y, ...style, "font-weight": bold ? "bold" : undefined })}>${escapeXml(text)}</text>`;
    }
    default:
      return shape satisfies never;
  }
}

/**
 * A drawing as an SVG element, which also stands alone as a file: no style sheet, no script, nothing loaded but `href`.
 *
 * Regions are filled to whole pixels (a pixel belongs to the region that its centre falls into), so that no seams show.
 *
 * @example
 * ```ts
 * import { cropFor } from "@locoop/clip";
 * import { drawRegionPicture, toSvg } from "locoop";
 *
 * const scene = { width: 4, height: 4, crop: cropFor(4, 4, 224), grid: 2, mask: [0, 0, 0, 1] };
 * const svg = toSvg(drawRegionPicture(scene), { href: "photo.png", title: "photo.png: 1 of 4 regions" });
 * console.log(svg.includes("<title>photo.png: 1 of 4 regions</title>")); // → true
 * ```
 */
export function toSvg(
  drawing: RegionDrawing,
  { href, shared, title, id = "regions", pixelated = false }: ToSvgOptions,
): string {
  const { width, height, picture, shapes } = drawing;
  const gray = shapes.some((shape) => shape.kind === "picture" && shape.gray);
  const image = attributes({
    id: `${id}-picture`,
    href,
    width: picture.width,
    height: picture.height,
    preserveAspectRatio: "none",
    style: pixelated ? "image-rendering:pixelated" : undefined,
  });
  const filter = `<filter id="${escapeXml(id)}-gray" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB"><feColorMatrix type="saturate" values="0"/></filter>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg"${attributes({ width, height, viewBox: `0 0 ${round(width)} ${round(height)}` })}` +
    ` role="img" font-family="system-ui, 'DejaVu Sans', sans-serif" shape-rendering="crispEdges">` +
    (title === undefined ? "" : `<title>${escapeXml(title)}</title>`) +
    `<defs>${shared === undefined ? `<image${image}/>` : ""}${gray ? filter : ""}</defs>` +
    `${shapes.map((shape) => shapeToSvg(shape, id, shared ?? id)).join("")}</svg>`
  );
}

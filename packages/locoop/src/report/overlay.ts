import type { RgbImage } from "@locoop/clip";
import type { Rgb } from "./color-map.js";
import type { RegionPicture } from "./types.js";

export type { Rgb };

/** How {@link drawRegions} paints. */
export interface DrawRegionsOptions {
  /** Colour of the painted regions; default orange for `"irrelevant"`, the reference's grey for `"relevant"`. */
  color?: Rgb;
  /** 0 = invisible, 1 = hides the picture; default .45 for `"irrelevant"`, 1 for `"relevant"`. */
  opacity?: number;
  /**
   * `"irrelevant"` (default): a translucent colour and an outline over the ID-irrelevant regions.
   * `"relevant"`: the other regions are painted out, so that what stays visible is what was extracted (as the paper's figures).
   */
  paint?: "irrelevant" | "relevant";
}

// Outside the crop, and outside a region grid, no cell.
const outside = -1;

/** For every pixel along one side: the row or column of regions that its centre falls into. */
function cellsAlong(pixels: number, resized: number, offset: number, side: number, grid: number): Int32Array {
  return Int32Array.from({ length: pixels }, (_, i) => {
    const inCrop = ((i + 0.5) * resized) / pixels - offset; // in pixels of the model's picture
    const cell = Math.floor((inCrop / side) * grid);
    return cell >= 0 && cell < grid ? cell : outside;
  });
}

function check({ image, mask, grid, crop }: RegionPicture): void {
  const { width, height, data } = image;
  if (!(width > 0 && height > 0 && data.length === width * height * 3)) {
    throw new Error(
      `A picture of ${width} x ${height} needs ${width * height * 3} bytes of RGB, but has ${data.length}: pass [H, W, 3] data.`,
    );
  }
  if (!Number.isInteger(grid) || grid < 1 || mask.length !== grid * grid) {
    throw new Error(
      `A grid of ${grid} x ${grid} regions needs ${grid * grid} mask values, but there are ${mask.length}: pass the grid of the model that gave the mask.`,
    );
  }
  if (!(crop.resizedWidth > 0 && crop.resizedHeight > 0)) {
    throw new Error(
      `The crop's resized picture is ${crop.resizedWidth} x ${crop.resizedHeight}, but must not be empty: take it from cropFor.`,
    );
  }
}

const mix = (from: number, to: number, share: number): number => Math.round(from + (to - from) * share);

/**
 * The whole picture with its regions drawn where the model saw them, as a new picture of the same size.
 *
 * The model saw the short side resized and the centre cut out; every pixel is traced back to the region it fell into, so
 * the drawing is aligned at any size, the last row and column included, and what lay outside the crop is dimmed. (The
 * reference squashes the picture to a square and never paints the last column: `demo_visualization.py` of LoCoOp.)
 *
 * @throws if picture, mask and grid do not fit together.
 *
 * @example
 * ```ts
 * import { cropFor } from "@locoop/clip";
 * import { drawRegions } from "locoop/node";
 *
 * const image = { data: new Uint8Array(8 * 4 * 3).fill(100), width: 8, height: 4 };
 * const mask = Uint8Array.of(0, 1, 0, 0); // the upper right of 2 x 2 regions
 * const drawn = drawRegions({ title: "a.png", label: "cat", image, mask, grid: 2, crop: cropFor(8, 4, 224) });
 * console.log(drawn.width, drawn.height); // → 8 4
 * ```
 */
export function drawRegions(picture: RegionPicture, options: DrawRegionsOptions = {}): RgbImage {
  const { paint = "irrelevant" } = options;
  const {
    color = paint === "irrelevant" ? [255, 96, 0] : [200, 200, 200],
    opacity = paint === "irrelevant" ? 0.45 : 1,
  } = options;
  check(picture);
  const { image, mask, grid, crop } = picture;
  const { width, height } = image;
  const side = Math.min(crop.resizedWidth, crop.resizedHeight); // the short side is resized to the model's picture
  const columns = cellsAlong(width, crop.resizedWidth, crop.left, side, grid);
  const rows = cellsAlong(height, crop.resizedHeight, crop.top, side, grid);
  const line = Math.max(1, Math.round(Math.min(width, height) / 160));

  const inCrop = (x: number, y: number): boolean => (columns[x] ?? outside) >= 0 && (rows[y] ?? outside) >= 0;
  const irrelevant = (x: number, y: number): boolean => inCrop(x, y) && mask[rows[y]! * grid + columns[x]!] !== 0;
  const painted = (x: number, y: number): boolean =>
    paint === "irrelevant" ? irrelevant(x, y) : inCrop(x, y) && !irrelevant(x, y);
  const onBorder = (x: number, y: number, within: (x: number, y: number) => boolean): boolean =>
    !(within(x - line, y) && within(x + line, y) && within(x, y - line) && within(x, y + line));

  const data = new Uint8Array(image.data); // [H, W, 3]
  const blend = (x: number, y: number, [r, g, b]: Rgb, share: number): void => {
    const at = (y * width + x) * 3;
    data[at] = mix(data[at]!, r, share);
    data[at + 1] = mix(data[at + 1]!, g, share);
    data[at + 2] = mix(data[at + 2]!, b, share);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inCrop(x, y)) {
        // A line next to the crop, so that its edge shows on dark pictures too.
        const edge = inCrop(x - line, y) || inCrop(x + line, y) || inCrop(x, y - line) || inCrop(x, y + line);
        blend(x, y, edge ? [255, 255, 255] : [24, 24, 24], edge ? 0.8 : 0.65);
      } else if (painted(x, y)) {
        const outline = paint === "irrelevant" && onBorder(x, y, painted);
        blend(x, y, color, outline ? 1 : opacity);
      }
    }
  }
  return { data, width, height };
}

import type { PictureInfo, Verdict } from "./messages.js";

/** Per region, how much more it is like a class than like the best other one; null with one class only. */
export function advantage({ local, cosines }: Verdict, label: number): Float32Array | null {
  const C = cosines.length;
  if (C < 2) return null;
  const result = new Float32Array(local.length / C);
  for (let p = 0; p < result.length; p++) {
    let other = -Infinity;
    for (let c = 0; c < C; c++) if (c !== label) other = Math.max(other, local[p * C + c]!);
    result[p] = local[p * C + label]! - other;
  }
  return result;
}

/** What is drawn over a picture. */
export interface Overlay {
  readonly info: PictureInfo;
  readonly verdict?: Verdict;
  readonly label: number;
  readonly show: "heat" | "regions" | "none";
}

const widest = 480;

/** Draws a picture with the square that the model saw, and over that its regions: orange for the class, blue against it; or the irrelevant ones hatched. */
export function drawOverlay(
  canvas: HTMLCanvasElement,
  bitmap: ImageBitmap,
  { info, verdict, label, show }: Overlay,
): void {
  const zoom = Math.min(1, widest / Math.max(bitmap.width, bitmap.height)) || 1;
  const larger = Math.max(1, Math.round(256 / Math.max(bitmap.width, bitmap.height)));
  const scale = bitmap.width < 256 && bitmap.height < 256 ? larger : zoom;
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const { left, top, side } = info.square;
  const at = canvas.width / info.width;
  const square = { left: left * at, top: top * at, side: side * at };
  if (verdict && show !== "none") drawRegions(context, square, { verdict, label, show });
  context.strokeStyle = "white";
  context.lineWidth = 2;
  context.strokeRect(square.left + 1, square.top + 1, square.side - 2, square.side - 2);
}

function drawRegions(
  context: CanvasRenderingContext2D,
  { left, top, side }: { left: number; top: number; side: number },
  { verdict, label, show }: { verdict: Verdict; label: number; show: "heat" | "regions" },
): void {
  const values = advantage(verdict, label);
  const regions = verdict.irrelevant.length;
  const grid = Math.round(Math.sqrt(regions));
  const cell = side / grid;
  const most = values ? Math.max(1e-6, ...values.map(Math.abs)) : 1;
  for (let p = 0; p < regions; p++) {
    const x = left + (p % grid) * cell;
    const y = top + Math.floor(p / grid) * cell;
    if (show === "heat" && values) {
      const share = values[p]! / most;
      context.fillStyle = share > 0 ? `rgb(255 120 0 / ${0.65 * share})` : `rgb(0 70 255 / ${-0.65 * share})`;
      context.fillRect(x, y, cell + 0.5, cell + 0.5);
    } else if (show === "regions" && verdict.irrelevant[p]) {
      context.fillStyle = "rgb(0 0 0 / 0.55)";
      context.fillRect(x, y, cell + 0.5, cell + 0.5);
      context.strokeStyle = "rgb(255 255 255 / 0.7)";
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, y + cell);
      context.lineTo(x + cell, y);
      context.stroke();
    }
  }
}

import { regionGrid, type ClipConfig, type WeightMap } from "../config.js";
import type { Bytes, EngineSession, Program } from "../engines/engine.js";
import type { Floats } from "../floats.js";
import { largest } from "./chunks.js";
import type { ImageFeatures, ImageTower } from "./contracts.js";
import { imagePrograms } from "./image-program.js";

/** The image tower in a session: a batch that would not fit in memory runs in parts. */
export function createImageTower({
  session,
  weights,
  config,
  memoryLimit,
}: {
  session: EngineSession;
  weights: WeightMap;
  config: ClipConfig;
  memoryLimit: number;
}): ImageTower {
  const side = config.imageSize;
  const step = side * side * 3;
  const make = imagePrograms({ weights, config });
  const programs = new Map<string, Program>();
  const programFor = (bytes: boolean, local: boolean): Program => {
    const key = `${bytes} ${local}`;
    const known = programs.get(key) ?? make({ bytes, local });
    programs.set(key, known);
    return known;
  };

  return {
    async encode(pixels, { local = false } = {}): Promise<ImageFeatures> {
      const input = checkPixels(pixels, side);
      const batch = input.shape[0]!;
      const program = programFor(input.data instanceof Uint8Array, local);
      const most = largest(batch, (count) => count * bytesPerImage(config) <= memoryLimit);
      const parts: (readonly Floats[])[] = [];
      for (let start = 0; start < batch; start += most) {
        const count = Math.min(most, batch - start);
        const data = input.data.subarray(start * step, (start + count) * step);
        parts.push(await session.run(program, [{ data, shape: [count, side, side, 3] } as Floats | Bytes]));
      }
      const global = joinRows(parts.map((part) => part[0]!));
      return local ? { global, local: joinRows(parts.map((part) => part[1]!)) } : { global };
    },
  };
}

/**
 * The widest moment of a picture's way, in bytes. In a vision transformer's block: 14 widths a token and twice the attention scores;
 * in a ModifiedResNet's first stage: the maps of 13 widths at a quarter of the side, beside the pixels.
 */
function bytesPerImage(config: ClipConfig): number {
  const { imageSize, vision } = config;
  if (vision.kind !== "vit") return 4 * imageSize ** 2 * (6 + vision.width);
  const tokens = regionGrid(config) ** 2 + 1;
  return 4 * tokens * (14 * vision.width + 2 * vision.heads * tokens);
}

/** The pixels as [B,S,S,3], or a one-line refusal. */
function checkPixels(pixels: { data: Uint8Array; batch: number } | Floats, side: number): Floats | Bytes {
  if ("shape" in pixels) {
    const [batch, channels, height, width] = pixels.shape;
    if (pixels.shape.length !== 4 || channels !== 3 || height !== side || width !== side || !batch) {
      throw new Error(`pixels: expected normalised floats [B, 3, ${side}, ${side}], came [${pixels.shape}]`);
    }
    return { data: channelsLast(pixels.data, batch, side * side), shape: [batch, side, side, 3] };
  }
  const { data, batch } = pixels;
  if (batch < 1 || data.length !== batch * side * side * 3) {
    throw new Error(
      `pixels: expected ${batch} pictures of ${side} x ${side} x 3 bytes (${batch * side * side * 3}), came ${data.length}`,
    );
  }
  return { data, shape: [batch, side, side, 3] };
}

function channelsLast(data: Float32Array, batch: number, area: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < 3; c++) {
      const from = (b * 3 + c) * area;
      for (let i = 0; i < area; i++) result[(b * area + i) * 3 + c] = data[from + i]!;
    }
  }
  return result;
}

function joinRows(parts: readonly Floats[]): Floats {
  if (parts.length === 1) return parts[0]!;
  const data = new Float32Array(parts.reduce((total, part) => total + part.data.length, 0));
  let start = 0;
  for (const part of parts) {
    data.set(part.data, start);
    start += part.data.length;
  }
  const rows = parts.reduce((total, part) => total + part.shape[0]!, 0);
  return { data, shape: [rows, ...parts[0]!.shape.slice(1)] };
}

// Files that all sides read, made once in bench/.cache: weights, pixels, features, scores and pictures.
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSafetensors, type Floats } from "@locoop/clip";
import sharp from "sharp";
import { fill, listWeights, sizes } from "./formula.js";

/** Pictures of one training step, and of everything that works on pictures. */
export const batchSize = 32;

/** Where the files are. */
export interface Inputs {
  readonly weights: string;
  readonly inputs: string;
  /** Photograph-sized JPEG files. */
  readonly pictures: readonly string[];
  /** Folders of 16 JPEG files for each of 20 classes. */
  readonly dataset: string;
  /** The 1000 ImageNet class names. */
  readonly names: readonly string[];
}

const cache = fileURLToPath(new URL("../.cache", import.meta.url));

/** Makes what is not there yet. */
export async function prepareInputs(): Promise<Inputs> {
  await mkdir(cache, { recursive: true });
  const weights = await once("vit-b-16.safetensors", () => {
    const tensors = listWeights().map((o, i) => [o.name, fill(i, o.shape, o.amplitude, o.base)] as const);
    return writeSafetensors(Object.fromEntries(tensors));
  });
  const inputs = await once("inputs.safetensors", () => writeSafetensors(makeTensors()));
  const fixture = new URL("../../packages/clip/fixtures/tokenizer.json", import.meta.url);
  const { imagenet } = JSON.parse(await readFile(fixture, "utf8")) as { imagenet: { names: string[] } };
  const dataset = join(cache, "dataset");
  const files: string[] = [];
  for (let i = 0; i < 20 * 16; i++) {
    const folder = join("dataset", imagenet.names[Math.floor(i / 16)]!.replaceAll(" ", "_"));
    await mkdir(join(cache, folder), { recursive: true });
    const shape = sizeOf(i);
    files.push(await once(join(folder, `${i % 16}-${shape.width}x${shape.height}.jpg`), () => drawPicture(i, shape)));
  }
  const pictures = files.filter((_, i) => i % 10 === 0);
  return { weights, inputs, pictures, dataset, names: imagenet.names };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Every third picture is upright. */
const sizeOf = (index: number): Size => (index % 3 === 0 ? { width: 375, height: 500 } : { width: 500, height: 375 });

/** A picture's size, which its name says. */
export function pictureSize(path: string): Size {
  const [, width, height] = /-(\d+)x(\d+)\.jpg$/.exec(path)!;
  return { width: Number(width), height: Number(height) };
}

/** Writes a file whole or not at all, unless it is there. */
async function once(name: string, make: () => Uint8Array | Promise<Uint8Array>): Promise<string> {
  const path = join(cache, name);
  if (existsSync(path)) return path;
  await writeFile(`${path}.part`, await make());
  await rename(`${path}.part`, path);
  return path;
}

function makeTensors(): Record<string, Floats> {
  const { embed, imageSize, patch, text } = sizes;
  const pixels = fill(6000, [batchSize, imageSize, imageSize, 3], 128, 128);
  pixels.data.forEach((value, i, all) => (all[i] = Math.floor(Math.min(value, 255))));
  return {
    pixels,
    contexts: fill(5008, [16, text.width], 0.5),
    "features.global": fill(6001, [batchSize, embed], 1),
    "features.local": fill(6002, [batchSize, (imageSize / patch) ** 2, embed], 1),
    "scores.id": fill(6003, [50_000], 0.5, 0.6),
    "scores.ood": fill(6004, [10_000], 0.5, 0.4),
  };
}

/** A photograph's size and much of its frequencies: a picture of noise at four scales, as JPEG. */
async function drawPicture(index: number, { width, height }: Size): Promise<Uint8Array> {
  const data = Buffer.alloc(width * height * 3, 0);
  for (const [k, [block, amplitude]] of (
    [
      [125, 60],
      [25, 40],
      [5, 20],
      [1, 8],
    ] as const
  ).entries()) {
    const [columns, rows] = [Math.ceil(width / block), Math.ceil(height / block)];
    const { data: noise } = fill(7000 + 4 * index + k, [rows, columns, 3], amplitude, k === 0 ? 128 : 0);
    for (let i = 0; i < data.length; i++) {
      const [pixel, channel] = [Math.floor(i / 3), i % 3];
      const [y, x] = [Math.floor(Math.floor(pixel / width) / block), Math.floor((pixel % width) / block)];
      data[i] = Math.max(0, Math.min(255, data[i]! + noise[(y * columns + x) * 3 + channel]!));
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

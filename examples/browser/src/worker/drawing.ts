import { pythonRandom } from "@locoop/datasets/order";
import {
  createSpriteBook,
  drawPicture,
  drawTexture,
  textureFamilies,
  type Concepts,
  type SpriteBook,
  type SpriteSheet,
} from "@locoop/tiny-clip/draw";
import clutterFlat from "../../../../packages/tiny-clip/assets/sprites/clutter-fluent-emoji-flat.webp?url";
import clutterFull from "../../../../packages/tiny-clip/assets/sprites/clutter-fluent-emoji.webp?url";
import objectsFlat from "../../../../packages/tiny-clip/assets/sprites/objects-fluent-emoji-flat.webp?url";
import objectsFull from "../../../../packages/tiny-clip/assets/sprites/objects-fluent-emoji.webp?url";
import conceptsUrl from "../../../../packages/tiny-clip/assets/concepts.json?url";
import type { DrawnPicture, Samples } from "../messages.js";

const sheets: Readonly<Record<string, string>> = {
  "objects-fluent-emoji": objectsFull,
  "objects-fluent-emoji-flat": objectsFlat,
  "clutter-fluent-emoji": clutterFull,
  "clutter-fluent-emoji-flat": clutterFlat,
};

let book: Promise<SpriteBook> | undefined;

/** The drawings of the benchmark, fetched once. */
export function openSprites(): Promise<SpriteBook> {
  book ??= readSprites();
  book.catch(() => (book = undefined));
  return book;
}

async function readSprites(): Promise<SpriteBook> {
  const answer = await fetch(conceptsUrl).catch(() => undefined);
  if (!answer?.ok)
    throw new Error("the drawings are not there: visit this tab once with a network, then it works without");
  const concepts = (await answer.json()) as Concepts;
  const read = (kind: string): Promise<SpriteSheet[]> =>
    Promise.all(concepts.sheets.designs.map((design) => readSheet(`${kind}-${design}`)));
  const [objects, clutter] = await Promise.all([read("objects"), read("clutter")]);
  return createSpriteBook({ concepts, objects, clutter });
}

async function readSheet(name: string): Promise<SpriteSheet> {
  const answer = await fetch(sheets[name]!);
  const bitmap = await createImageBitmap(await answer.blob(), {
    premultiplyAlpha: "none",
    colorSpaceConversion: "none",
  });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { name, width, height, data: context.getImageData(0, 0, width, height).data };
}

/** What a picture is drawn of: a concept by name, or a texture by number. */
export type Motif = { readonly concept: string } | { readonly texture: number };

/** Draws one picture; the same seed and key, the same one. */
export function draw(sprites: SpriteBook, motif: Motif, { seed, key }: { seed: number; key: string }): DrawnPicture {
  if ("concept" in motif) {
    const { concept } = motif;
    return {
      name: `${concept} ${key}.png`,
      className: concept,
      ...drawPicture({ sprites, concept, seed, key: `${concept}/${key}` }),
    };
  }
  const family = textureFamilies[motif.texture % textureFamilies.length]!;
  return { name: `${family} ${key}.png`, className: family, ...drawTexture({ seed, key, family }) };
}

/** Some classes with pictures, and unseen ones: of them, and of other things. */
export async function drawSamples({ seed, perClass }: { seed: number; perClass: number }): Promise<Samples> {
  const sprites = await openSprites();
  const { id, ood } = sprites.concepts;
  const classNames = ["cat", "fox", "horse", "owl", "whale"].filter((name) => id.includes(name));
  const known = classNames.flatMap((concept) =>
    Array.from({ length: perClass }, (_, i) => draw(sprites, { concept }, { seed, key: String(i + 1) })),
  );
  const others = pythonRandom(seed).sample(Object.values(ood).flat(), 3);
  const unseen = [
    ...classNames.slice(0, 3).map((concept) => draw(sprites, { concept }, { seed, key: "new" })),
    ...others.map((concept) => draw(sprites, { concept }, { seed, key: "new" })),
    draw(sprites, { texture: seed }, { seed, key: "new" }),
  ];
  return { classNames, known, unseen };
}

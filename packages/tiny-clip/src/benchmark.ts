import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { tinyClipPaths } from "./assets.js";
import { pictureDefaults, type PictureOptions } from "./compositor.js";
import { drawPicture, drawTexture } from "./picture.js";
import { planBenchmark, type BenchmarkSizes, type PlannedPicture } from "./plan.js";
import { loadSprites, type SpriteBook } from "./sprites.js";
import { listFolder, writeWholeFolder } from "./whole-folder.js";

/** Rises when the same seed no longer gives the same pictures. */
const GENERATOR = 1;

/** What `drawBenchmark` takes. */
export interface BenchmarkOptions extends Partial<BenchmarkSizes>, PictureOptions {
  /** Where the class folders go: a new or empty folder, or one that holds the same benchmark already. */
  readonly dir: string;
  /** A whole number from 0; every picture is drawn from the seed and its own file name. */
  readonly seed: number;
  /** Called after every picture. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Stops the drawing; nothing is left. */
  readonly signal?: AbortSignal;
}

/** What decides the pictures, as written to `manifest.json`. */
export interface BenchmarkManifest extends BenchmarkSizes {
  readonly kind: "tiny-clip-benchmark";
  /** Version of the drawing code. */
  readonly generator: number;
  /** SHA-256 of the concepts and of every sprite sheet. */
  readonly assets: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly picture: Required<PictureOptions>;
  readonly classNames: readonly string[];
  readonly pictures: number;
}

/** What `drawBenchmark` made or found. */
export interface DrawnBenchmark {
  readonly dir: string;
  readonly manifest: BenchmarkManifest;
  /** The folder was there already and nothing was drawn. */
  readonly reused: boolean;
}

const sizeDefaults: BenchmarkSizes = { trainPerClass: 16, validationPerClass: 10, testPerClass: 20, ood: 500 };

function checkSizes(sizes: BenchmarkSizes): void {
  for (const [name, value] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(value) || value < 0 || value > 100_000) {
      throw new RangeError(`expected a whole number from 0 to 100000 for ${name}, got ${value}`);
    }
  }
}

async function hashAssets({ concepts }: SpriteBook): Promise<Record<string, string>> {
  const paths = tinyClipPaths();
  const sheets = concepts.sheets.designs.flatMap((design) => [`objects-${design}.webp`, `clutter-${design}.webp`]);
  const files = [paths.concepts, ...sheets.map((sheet) => path.join(paths.sprites, sheet))];
  const hashes = files.map(async (file) => {
    const digest = createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
    return [path.basename(file), digest] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}

function encode(picture: PlannedPicture, sprites: SpriteBook, seed: number, options: PictureOptions): Promise<Buffer> {
  const { data, width, height } =
    "concept" in picture
      ? drawPicture({ sprites, concept: picture.concept, seed, key: picture.file, ...options })
      : drawTexture({ seed, key: picture.file, family: picture.texture });
  // little compression: most pictures carry noise, which does not compress
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/**
 * Draws the toy benchmark as ordinary folders of 64 x 64 PNG files: `train/CLASS`, `val/CLASS`, `test/CLASS` (50 animal
 * classes), `ood/{plants-and-food,scenes,vehicles-and-things,textures}`, `near-ood`, `never-named`, and `manifest.json`.
 * The folder appears whole or not at all; one with the same manifest is reused. Defaults: 16, 10 and 20 pictures per class
 * and 500 in each other folder, which are 5,300 pictures. Few-shot, ID-test and OOD pictures show only designs that the
 * model's training never saw. Throws if the folder holds anything else, and the signal's reason if it is aborted.
 *
 * @example
 * ```ts
 * import { mkdtemp } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import path from "node:path";
 * import { drawBenchmark } from "@locoop/tiny-clip";
 *
 * const dir = path.join(await mkdtemp(path.join(tmpdir(), "benchmark-")), "emoji");
 * const { manifest } = await drawBenchmark({ dir, seed: 1, trainPerClass: 1, validationPerClass: 0, testPerClass: 1, ood: 6 });
 * console.log(manifest.pictures, manifest.classNames.length); // 136 50
 * ```
 */
export async function drawBenchmark({
  dir,
  seed,
  trainPerClass = sizeDefaults.trainPerClass,
  validationPerClass = sizeDefaults.validationPerClass,
  testPerClass = sizeDefaults.testPerClass,
  ood = sizeDefaults.ood,
  objectScale = pictureDefaults.objectScale,
  mostClutter = pictureDefaults.mostClutter,
  clutterScale = pictureDefaults.clutterScale,
  onProgress,
  signal,
}: BenchmarkOptions): Promise<DrawnBenchmark> {
  const sizes = { trainPerClass, validationPerClass, testPerClass, ood };
  const picture = { objectScale, mostClutter, clutterScale };
  checkSizes(sizes);
  signal?.throwIfAborted();
  const sprites = await loadSprites();
  const plan = planBenchmark(sprites.concepts, sizes);
  const manifest: BenchmarkManifest = {
    kind: "tiny-clip-benchmark",
    generator: GENERATOR,
    assets: await hashAssets(sprites),
    seed,
    ...sizes,
    picture,
    classNames: sprites.concepts.id,
    pictures: plan.length,
  };
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  if (await holds(dir, text)) return { dir, manifest, reused: true };

  await writeWholeFolder(dir, async (temporary) => {
    const folders = new Set(plan.map(({ file }) => path.dirname(path.join(temporary, file))));
    for (const folder of folders) await mkdir(folder, { recursive: true });
    let next = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      while (next < plan.length) {
        signal?.throwIfAborted();
        const planned = plan[next++]!;
        await writeFile(path.join(temporary, planned.file), await encode(planned, sprites, seed, picture));
        onProgress?.({ done: ++done, total: plan.length });
      }
    };
    const results = await Promise.allSettled(Array.from({ length: 8 }, work));
    for (const result of results) if (result.status === "rejected") throw result.reason;
    await writeFile(path.join(temporary, "manifest.json"), text);
  });
  // another process may have been faster: what is there now must be this benchmark
  if (!(await holds(dir, text))) throw new Error(`${dir} vanished while it was being drawn: draw it again`);
  return { dir, manifest, reused: false };
}

/** Whether the folder holds this very benchmark; an error if it holds something else. */
async function holds(dir: string, manifest: string): Promise<boolean> {
  const names = await listFolder(dir);
  if (names.length === 0) return false;
  if (!names.includes("manifest.json")) {
    throw new Error(`expected a new or empty folder at ${dir}, found other files: choose another place`);
  }
  if ((await readFile(path.join(dir, "manifest.json"), "utf8")) === manifest) return true;
  throw new Error(`${dir} holds a benchmark drawn with other settings: choose another place or delete it`);
}

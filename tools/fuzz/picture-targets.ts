import type { RgbImage } from "../../packages/clip/src/index.js";
import { decodeImage } from "../../packages/clip/src/browser/index.js";
import { readImage } from "../../packages/clip/src/node/index.js";
import sharp from "sharp";
import { mutateBytes } from "../../packages/clip/src/fuzz/bytes.test.kit.js";
import { inventPicture, mutatePicture } from "../../packages/clip/src/fuzz/pictures.test.kit.js";
import { readSeeds } from "./seeds.js";
import type { Report, Target } from "./target.js";

const maxPixels = 1_000_000;

/** Pictures of all formats through `readImage`, with a limit of a million pixels. */
export async function pictureTargets(fixtures: string): Promise<Target[]> {
  stubBrowser();
  sharp.cache(false);
  sharp.concurrency(1);
  const files = readSeeds(`${fixtures}/preprocess/files`, { largest: 30_000 });
  const more = readSeeds(`${fixtures}/preprocess-more`, {
    accepts: (path) => !/\.(json|py|md)$/.test(path),
    largest: 30_000,
  });
  const bad = readSeeds(`${fixtures}/preprocess/bad`, { largest: 120_000 });
  const seeds = [...files, ...more, ...bad, ...(await otherFormats())];
  const common = {
    namesFile: true,
    mutate: mutateAny,
    // What the readers ask for in JavaScript; what libvips takes shows in the peak of the process.
    memory: (size: number) => 4 * maxPixels + 4 * size + 2 ** 20,
    memoryInAll: (size: number) => 16 * maxPixels + 8 * size + 2 ** 20,
  };
  return [
    {
      ...common,
      name: "pictures",
      weight: 8,
      file: "bytes",
      seeds,
      run: async (bytes, _file, report) => checkPicture(await readImage(bytes, { maxPixels }), report),
    },
    {
      ...common,
      name: "pictures in a browser",
      weight: 12,
      seeds,
      async run(bytes, file, report) {
        const blob = Object.assign(new Blob([bytes as Uint8Array<ArrayBuffer>]), { name: file });
        checkPicture(await decodeImage(blob, { maxPixels }), report);
      },
    },
  ];
}

const mutateAny: Target["mutate"] = (bytes, random, others) => {
  if (random.integer(50) === 0) return inventPicture(random);
  return random.integer(4) === 0 ? mutateBytes(bytes, random, others) : mutatePicture(bytes, random, others);
};

function checkPicture({ data, width, height }: RgbImage, report: Report): void {
  report.result = data.length;
  if (data.length !== width * height * 3) report.fault = `${data.length} bytes for ${width} x ${height} pixels`;
  if (width * height > maxPixels) report.fault = `${width} x ${height} pixels, more than ${maxPixels}`;
}

/** What a browser decodes itself is out of reach: a picture that gets so far is counted as refused. */
function stubBrowser(): void {
  (globalThis as Record<string, unknown>).createImageBitmap = () =>
    Promise.reject(new Error("the browser's own decoder is reached"));
}

/** Small pictures of the formats and kinds that the fixtures lack. */
async function otherFormats(): Promise<Uint8Array[]> {
  const pixels = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 31) ^ (i >> 5));
  const picture = () => sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
  const frames = sharp(pixels, { raw: { width: 40, height: 30, channels: 3, pageHeight: 10 } });
  return Promise.all(
    [
      picture().webp(),
      picture().webp({ lossless: true }),
      picture().ensureAlpha(0.5).webp(),
      frames.clone().webp(),
      frames.clone().gif(),
      picture().tiff({ compression: "none" }),
      picture().tiff({ compression: "lzw" }),
      picture().tiff({ compression: "deflate", tile: true, tileWidth: 16, tileHeight: 16 }),
      picture().tiff({ compression: "jpeg" }),
      picture().avif(),
      picture().png({ palette: true }),
      picture().png({ progressive: true }),
      picture().toColourspace("rgb16").png(),
      picture().toColourspace("cmyk").jpeg(),
      picture().jpeg({ progressive: true, chromaSubsampling: "4:4:4" }),
      picture()
        .withExif({ IFD0: { Copyright: "nobody" } })
        .jpeg(),
      picture().withIccProfile("p3").jpeg(),
    ].map(async (made) => Uint8Array.from(await made.toBuffer())),
  );
}

// transformers.js as a process: its own decoding and preparation of pictures, its own ONNX Runtime, our exported graph.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { sizes } from "../formula.js";
import { peersFolder } from "./start.js";
import { timed } from "../timed.js";
import { servePeer } from "./peer.js";

interface Tensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}
interface RawImage {
  readonly width: number;
}
/** The part of transformers.js that is used. */
interface TransformersJs {
  readonly env: { version: string; localModelPath: string; allowRemoteModels: boolean };
  readonly RawImage: {
    new (data: Uint8Array, width: number, height: number, channels: number): RawImage;
    read(path: string): Promise<RawImage>;
  };
  readonly AutoProcessor: {
    from_pretrained(name: string): Promise<(images: RawImage[]) => Promise<{ pixel_values: Tensor }>>;
  };
  readonly CLIPVisionModelWithProjection: {
    from_pretrained(name: string, options: object): Promise<(inputs: object) => Promise<Record<string, Tensor>>>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => Tensor;
}

const side = sizes.imageSize;
const preparation = {
  processor_class: "CLIPProcessor",
  image_processor_type: "CLIPImageProcessor",
  do_resize: true,
  size: { shortest_edge: side },
  resample: 3,
  do_center_crop: true,
  crop_size: { height: side, width: side },
  do_convert_rgb: true,
  do_rescale: true,
  do_normalize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
};

/** The model folder around an exported graph, and what loads and runs it. */
async function open(folder: string, threads: number) {
  const resolve = createRequire(join(peersFolder, "js", "package.json")).resolve;
  const entry = resolve("@huggingface/transformers").replace("transformers.node.cjs", "transformers.node.mjs");
  const library = (await import(pathToFileURL(entry).href)) as TransformersJs;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify({ model_type: "clip" }));
  await writeFile(join(folder, "preprocessor_config.json"), JSON.stringify(preparation));
  library.env.allowRemoteModels = false;
  library.env.localModelPath = dirname(folder);
  const name = folder.slice(dirname(folder).length + 1);
  const processor = await library.AutoProcessor.from_pretrained(name);
  const session_options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const model = await library.CLIPVisionModelWithProjection.from_pretrained(name, {
    dtype: "fp32",
    device: "cpu",
    session_options,
  });
  return { library, processor, model };
}
let opened: Awaited<ReturnType<typeof open>> | undefined;

/** Our graph takes [B,S,S,3]; transformers.js makes [B,3,S,S]. */
function channelsLast({ data, dims }: Tensor): Float32Array {
  const [batch, area] = [dims[0]!, side * side];
  const result = new Float32Array(data.length);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < 3; c++) {
      const from = (b * 3 + c) * area;
      for (let i = 0; i < area; i++) result[(b * area + i) * 3 + c] = data[from + i]!;
    }
  }
  return result;
}

async function features(images: RawImage[]): Promise<Float32Array> {
  const { library, processor, model } = opened!;
  const { pixel_values: pixels } = await processor(images);
  const input = new library.Tensor("float32", channelsLast(pixels), [images.length, side, side, 3]);
  const outputs = await model({ input0: input });
  return Object.values(outputs)[0]!.data;
}

await servePeer({
  async init({ folder, threads }: { folder: string; threads: number }) {
    opened = await open(folder, threads);
    return { ms: 0, version: opened.library.env.version };
  },
  async picture_files({ paths }: { paths: readonly string[] }) {
    const { result: values, time } = await timed(async () =>
      features(await Promise.all(paths.map((path) => opened!.library.RawImage.read(path)))),
    );
    return { ...time, values };
  },
  /** Pictures that need no resizing, for comparing results. */
  async image({ path, batch }: { path: string; batch: number }) {
    const bytes = await readFile(path);
    const step = side * side * 3;
    const images = Array.from(
      { length: batch },
      (_, i) => new opened!.library.RawImage(bytes.subarray(i * step, (i + 1) * step), side, side, 3),
    );
    return { ms: 0, values: await features(images) };
  },
});

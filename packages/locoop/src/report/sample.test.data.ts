import { cropFor } from "@locoop/clip";
import { evaluate } from "@locoop/ood-metrics";
import type { MethodResult, RegionPicture, ReportData } from "./types.js";

/** A class that would run as a script if any writer forgot to escape it. */
export const hostile = "<script>alert(1)</script>";

/** Plain deterministic noise, about normal: the sum of six values of a small generator. */
export function createNoise(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  return () => (next() + next() + next() + next() + next() + next() - 3) * Math.SQRT2;
}

const sets = ["plants and food", "scenes", "vehicles and things", "textures"];

function run(
  method: string,
  gain: number,
  seed: number,
  o: { shots?: number; seed?: number },
  count: number,
): MethodResult {
  const noise = createNoise(seed);
  const draw = (n: number, mean: number) => Float64Array.from({ length: n }, () => 0.021 + 0.0004 * (mean + noise()));
  const score = (bonus: number) => {
    const id = draw(2 * count, 1 + gain + bonus);
    const ood = Object.fromEntries(sets.map((set, i) => [set, draw(count, 0.6 - 0.4 * i)]));
    return { id, ood, evaluation: evaluate(id, ood) };
  };
  const accuracy = 0.4 + gain * 0.4 + noise() * 0.01;
  return { method, ...o, accuracy, scores: { mcm: score(0), "gl-mcm": score(0.15) } };
}

/** Zero-shot, CoOp and LoCoOp with three seeds each. */
export const sampleMethods = (count = 60): MethodResult[] => [
  run("zero-shot", 0, 1, {}, count),
  ...[1, 2, 3].map((seed) => run("CoOp", 0.3, 10 + seed, { shots: 4, seed }, count)),
  ...[1, 2, 3].map((seed) => run("LoCoOp", 0.4, 20 + seed, { shots: 4, seed }, count)),
];

/** A picture of a disc on a gradient; the mask takes the regions outside the disc. */
export function discPicture(
  width: number,
  height: number,
  { grid = 8, label = "panda", title = "panda/0001.png" } = {},
): RegionPicture {
  const data = new Uint8Array(width * height * 3);
  const radius = Math.min(width, height) * 0.33;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = Math.hypot(x - width / 2, y - height / 2) < radius;
      data.set(inside ? [60, 70, 90] : [90 + (120 * x) / width, 190, 110 + (100 * y) / height], (y * width + x) * 3);
    }
  }
  const centre = (grid - 1) / 2;
  const mask = Uint8Array.from({ length: grid * grid }, (_, i) =>
    Math.hypot((i % grid) - centre, Math.floor(i / grid) - centre) > grid * 0.36 ? 1 : 0,
  );
  return { title, label, image: { data, width, height }, mask, grid, crop: cropFor(width, height, 64) };
}

/** A whole report with a hostile name in every place that takes one. */
export function sampleReport({ count }: { count?: number } = {}): ReportData {
  return {
    title: `LoCoOp on 50 animals`,
    settings: {
      shots: "4",
      "lambda (λ)": "0.25",
      "top K": "10",
      epochs: "50",
      "views (cached)": "4",
      data: "./benchmark/animals",
    },
    environment: { node: "v24.4.0", backend: "wasm, 2 workers", cpu: "2 cores", locoop: "0.1.0" },
    classNames: ["panda", "red panda", hostile, "polar | bear", "*ox*"],
    notes: [
      "The weights are a toy of 1.84 M parameters: the figures say nothing about CLIP ViT-B/16.",
      "Three seeds do not make differences of this size significant.",
    ],
    methods: sampleMethods(count),
    regions: [
      discPicture(64, 64),
      discPicture(300, 200, { label: hostile, title: `${hostile}/"1".png` }),
      discPicture(120, 260, { grid: 14 }),
      discPicture(640, 480, { grid: 7, label: "red panda" }),
    ],
    commands: ["npm ci", "npx locoop demo --shots 4 --seeds 1,2,3 --out runs/demo"],
  };
}

import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@locoop/clip";
import { afterAll, beforeAll, expect, it } from "vitest";
import { closeModel, openModel } from "./model.js";
import type { RunConfig } from "./run-folder.js";
import { trainRun, type TrainProgress, type TrainSpec } from "./train-run.js";
import { viewRequests } from "./training-views.js";
import { prepare, specFor, type TrainOptions, trainRuns } from "./training.js";
import { bitsOf, drawClasses, shortRun } from "./training.test.kit.js";
import { createInlineWorkshop, type Workshop } from "./workshop.js";

let dir: string;
let data: string;

beforeAll(async () => {
  ({ dir, data } = await drawClasses("cached"));
  await trainRuns(options("whole"));
}, 120_000);
afterAll(async () => {
  await closeModel();
  await rm(dir, { recursive: true, force: true });
});

const options = (out: string, more?: Partial<TrainOptions>): TrainOptions => shortRun(data, join(dir, out), more);
const bits = (out: string): Promise<string[]> => bitsOf(join(dir, out));
const shardsOf = async (out: string): Promise<string[]> => {
  const cache = join(dir, out, "cache");
  const [folder] = await readdir(cache);
  return (await readdir(join(cache, folder!))).sort().map((name) => join(cache, folder!, name));
};

/** A run through its spec, with a workshop whose parts may be replaced. */
async function trainSpec(
  out: string,
  asked: Partial<TrainOptions>,
  more: Partial<TrainSpec>,
  parts: Partial<Workshop>,
): Promise<void> {
  const context = await prepare(options(out, asked));
  const spec = { ...(await specFor(context, 1, join(dir, out))), ...more };
  const workshop = { ...createInlineWorkshop(context.model), ...parts };
  await trainRun(spec, { workshop, clip: await openModel(context.model) });
}

it("keeps the views in the run folder, in shards, and says what they are rounded to", async () => {
  const names = (await shardsOf("whole")).map((path) => path.split("/").at(-1));
  expect(names).toEqual(["00000.safetensors", "index.json"]);
  const { settings } = JSON.parse(await readFile(join(dir, "whole/config.json"), "utf8")) as RunConfig;
  expect(settings).toMatchObject({ views: 2, viewPrecision: "float16" });
});

it("trains to the same bits from fresh views, cached ones, those of another run's cache and those in memory", async () => {
  const whole = await bits("whole");
  const encode: Workshop["encode"] = () => Promise.reject(new Error("all is cached"));
  await cp(join(dir, "whole/cache"), join(dir, "copied/cache"), { recursive: true });
  await trainSpec("copied", {}, {}, { encode });
  expect(await bits("copied")).toEqual(whole);

  await trainSpec("shared", {}, { cache: { dir: join(dir, "whole/cache"), local: true } }, { encode });
  expect(await bits("shared")).toEqual(whole);
  expect(existsSync(join(dir, "shared/cache"))).toBe(false);

  const context = await prepare(options("memory"));
  const { config, items } = await specFor(context, 1, join(dir, "memory"));
  const features = await createInlineWorkshop(context.model).encode(viewRequests(config, items), { local: true });
  await trainSpec("memory", {}, { features }, { encode });
  expect(await bits("memory")).toEqual(whole);
  expect(existsSync(join(dir, "memory/cache"))).toBe(false);
});

it("resumes a stopped run to the same bits, also when its cache was damaged meanwhile", async () => {
  const stop = new AbortController();
  const onProgress = ({ stage, done }: TrainProgress): void => {
    if (stage === "train" && done === 3) stop.abort(new Error("enough"));
  };
  await expect(trainRuns(options("stopped", { signal: stop.signal, onProgress }))).rejects.toThrow("enough");
  expect(existsSync(join(dir, "stopped/detector.json"))).toBe(false);
  const [first] = await shardsOf("stopped");
  await truncate(first!, 1000);
  const told: TrainProgress[] = [];
  const notices: string[] = [];
  await trainRuns(
    options("stopped", {
      resume: true,
      onProgress: (progress) => told.push(progress),
      onNotice: (line) => notices.push(line),
    }),
  );
  expect(notices).toContainEqual(expect.stringMatching(/00000\.safetensors is cut short; it is made again/));
  expect(told.find(({ stage }) => stage === "train")?.done).toBe(3);
  expect(await bits("stopped")).toEqual(await bits("whole"));
});

it("stops within the encoding of views, and goes on where it was", async () => {
  let encoded: number[] = [];
  // Two shards of made-up features: 6 pictures, 50 views of each.
  const encode: Workshop["encode"] = (requests) => {
    encoded.push(requests.length);
    if (encoded.length === 2) return Promise.reject(new Error("enough"));
    const normals = (length: number): Float32Array => {
      const random = createRandom(`${requests.length}/${length}`);
      return Float32Array.from({ length }, () => random.normal());
    };
    const [rows, width, regions] = [requests.length, 128, 64];
    return Promise.resolve({
      global: { data: normals(rows * width), shape: [rows, width] },
      local: { data: normals(rows * regions * width), shape: [rows, regions, width] },
    });
  };
  await expect(trainSpec("early", { views: 50 }, {}, { encode })).rejects.toThrow("enough");
  encoded = [];
  await trainSpec("early", { views: 50, resume: true }, {}, { encode });
  expect(encoded).toEqual([44]);
});

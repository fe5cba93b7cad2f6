// The worker: it owns the model, and all work on pictures, towers and training happens here, away from the page's thread.
import type { Floats, ImageFeatures } from "@locoop/clip";
import type { Calls, CallName, ModelChoice, PictureInfo, Reply, Request } from "../messages.js";
import { classFeaturesOf, judge } from "./judge.js";
import { openModel, type OpenModel } from "./model.js";
import { encodePicture, stack } from "./pictures.js";

const scope = self as unknown as {
  postMessage(reply: Reply): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
};

let model: Promise<OpenModel> | undefined;
let choice: ModelChoice | undefined;
/** Pictures by id: the file, so that another model can look at it, and the features of the open one. */
const pictures = new Map<
  string,
  { file: Blob; name: string; known?: Promise<{ features: ImageFeatures; info: PictureInfo }> }
>();
let lastClasses: { key: string; features: Promise<Floats> } | undefined;

type Around<K extends CallName> = { signal: AbortSignal; tell: (progress: Calls[K]["progress"]) => void };
type Handlers = { [K in CallName]: (input: Calls[K]["input"], around: Around<K>) => Promise<Calls[K]["output"]> };

function needModel(): Promise<OpenModel> {
  if (!model) throw new Error("no model is open; reload the page");
  return model;
}

async function open(wanted: ModelChoice, tell: Around<"open">["tell"]): Promise<OpenModel> {
  const next = openModel(wanted, { tell });
  const opened = await next;
  const before = await model?.catch(() => undefined);
  model = next;
  choice = wanted;
  for (const picture of pictures.values()) picture.known = undefined;
  lastClasses = undefined;
  before?.clip.dispose();
  return opened;
}

function featuresOf(id: string): Promise<{ features: ImageFeatures; info: PictureInfo }> {
  const picture = pictures.get(id);
  if (!picture) throw new Error("a picture is gone; drop it again");
  return (picture.known ??= needModel().then(({ clip }) => encodePicture(clip, picture)));
}

async function classesOf(classNames: readonly string[], prompt: Calls["judge"]["input"]["prompt"]): Promise<Floats> {
  const key = JSON.stringify([classNames, prompt.kind === "template" ? prompt.text : Array.from(prompt.bytes)]);
  if (lastClasses?.key !== key) {
    const features = needModel().then(({ clip }) => classFeaturesOf(clip, classNames, prompt));
    lastClasses = { key, features };
    features.catch(() => (lastClasses = undefined));
  }
  return lastClasses.features;
}

const handlers: Handlers = {
  async open(input, { tell }) {
    return (await open(input, tell)).info;
  },
  async add({ id, file, name }) {
    pictures.set(id, { file, name });
    try {
      return (await featuresOf(id)).info;
    } catch (error) {
      pictures.delete(id);
      throw error;
    }
  },
  async forget({ ids }) {
    for (const id of ids) pictures.delete(id);
    return null;
  },
  async judge({ ids, classNames, prompt }) {
    const classFeatures = await classesOf(classNames, prompt);
    const known = await Promise.all(ids.map((id) => featuresOf(id)));
    if (known.length === 0) return [];
    const features = stack(known.map((entry) => entry.features));
    return judge((await needModel()).clip, features, { ids, classNames, classFeatures });
  },
  async prompt(input) {
    const { readPrompt } = await import("./prompt.js");
    return readPrompt((await needModel()).clip, input);
  },
  async samples(input) {
    const { drawSamples } = await import("./drawing.js");
    return drawSamples(input);
  },
  async compare(input, around) {
    const { compare } = await import("./compare.js");
    return compare((await needModel()).clip, input, around);
  },
  async train(input, around) {
    const { train } = await import("./train.js");
    return train((await needModel()).clip, input, around);
  },
};

const running = new Map<number, AbortController>();

async function answer(id: number, call: CallName, input: never): Promise<void> {
  const stop = new AbortController();
  running.set(id, stop);
  const around = { signal: stop.signal, tell: (progress: never) => scope.postMessage({ id, progress }) };
  const run = handlers[call] as unknown as (input: never, around: object) => Promise<never>;
  try {
    let output: never;
    try {
      output = await run(input, around);
    } catch (error) {
      if (!(await recovered(error))) throw error;
      // A training is gone on with by its user: its steps so far have been told.
      if (call === "train" || call === "compare") throw new Error("the graphics device was lost", { cause: error });
      output = await run(input, around);
    }
    scope.postMessage({ id, output });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ id, error: message, stopped: stop.signal.aborted });
  } finally {
    running.delete(id);
  }
}

/** A graphics device can be lost at any time: the work goes on in WebAssembly, from the files that are still there. */
async function recovered(error: unknown): Promise<boolean> {
  const text = error instanceof Error ? error.message : String(error);
  if (!choice || !/device.{0,20}(lost|destroyed)|GPU.{0,40}(lost|hung|destroyed)/i.test(text)) return false;
  if ((await model)?.info.device !== "webgpu") return false;
  const { info } = await open({ ...choice, device: "wasm" }, () => {});
  scope.postMessage({ lost: info });
  return true;
}

scope.onmessage = ({ data }) => {
  if ("stop" in data) running.get(data.id)?.abort(new Error("stopped"));
  else void answer(data.id, data.call, data.input as never);
};

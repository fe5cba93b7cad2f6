import { newId, type App, type TrainedPrompt } from "../app.js";
import { readClassNames } from "../class-names.js";
import { h, say, sentence } from "../dom.js";
import { toFiles } from "../drawn-files.js";
import { dropZone } from "../drop-zone.js";
import type { TrainRequest } from "../messages.js";
import { createClassList, type TrainClass } from "./class-list.js";
import { type CurvePoint, drawLossCurve } from "./loss-curve.js";
import { download, promptOfFile, promptOfTraining } from "./result.js";
import { createSettingsFields } from "./settings-fields.js";
import { stayAwake } from "../visits.js";
import { emptySettings, readSettings, type TrainSettings } from "./settings.js";

/** A training that did not come to its end. */
export interface KeptTraining {
  /** What decides its numbers, as text: it goes on only where this is the same. */
  readonly key: string;
  readonly checkpoint: Uint8Array;
  readonly points: readonly CurvePoint[];
}

/** What an earlier visit left. */
export interface KeptTrain {
  readonly settings?: TrainSettings;
  readonly classes?: readonly TrainClass[];
  readonly training?: KeptTraining;
  readonly trained?: TrainedPrompt;
}

/** The tab Train. */
export interface TrainView {
  restore(kept: KeptTrain): void;
}

/** Builds the tab into its panel; `onTrained` judges pictures by what was trained. */
export function createTrainView(
  panel: HTMLElement,
  app: App,
  { onTrained }: { onTrained: (prompt: TrainedPrompt) => void },
): TrainView {
  let settings = emptySettings;
  let cut: KeptTraining | undefined;
  let trained: TrainedPrompt | undefined;
  let running: AbortController | undefined;

  const list = createClassList({
    onChange: () => {
      app.keep("classes", list.classes);
      refresh();
    },
    check: async (picture) => {
      try {
        await app.client.call("add", picture);
        await app.client.call("forget", { ids: [picture.id] });
        return undefined;
      } catch (error) {
        return sentence(error);
      }
    },
  });
  const fields = createSettingsFields((next) => {
    settings = next;
    app.keep("train", settings);
    refresh();
  });
  const folder = h("input", {
    id: "class-folders",
    type: "file",
    multiple: true,
    webkitdirectory: true,
    onchange: () => {
      addFolders([...(folder.files ?? [])]);
      folder.value = "";
    },
  });
  const samples = h(
    "button",
    { type: "button", className: "quiet", id: "train-samples", onclick: () => void addSamples() },
    "Or drawn pictures of five animals",
  );
  const start = h("button", { type: "button", id: "train-start", onclick: () => void run() }, "Train");
  const resume = h("button", { type: "button", hidden: true, onclick: () => void run(cut) }, "Go on");
  const stop = h(
    "button",
    { type: "button", className: "quiet", disabled: true, onclick: () => running?.abort() },
    "Stop",
  );
  const progress = h("progress", { max: 1, value: 0, "aria-label": "Training" });
  const state = h("p", { id: "train-state", role: "status" });
  const curve = h("figure", { hidden: true });
  const result = h("div", { id: "train-result", className: "card", hidden: true });

  panel.append(
    h(
      "p",
      {},
      "Two classes or more, a few pictures each. LoCoOp learns the words of the prompt from them; what lies around the objects teaches it what belongs to no class.",
    ),
    list.element,
    h("p", {}, h("label", { htmlFor: folder.id }, "Or a folder with a folder for each class"), folder),
    h("p", {}, samples),
    fields.element,
    h("div", { className: "row" }, start, resume, stop),
    progress,
    state,
    curve,
    result,
    dropZone({
      id: "prompt-file",
      label: "Or open a trained prompt",
      hint: "The file of a prompt from here, prompt.safetensors of a run, or model.pth.tar-N of LoCoOp or CoOp.",
      accept: ".safetensors,*",
      onFiles: ([file]) => void openPrompt(file!),
    }),
  );

  async function addSamples(): Promise<void> {
    samples.disabled = true;
    try {
      const { classNames, known } = await app.client.call("samples", { seed: 2, perClass: 6 });
      list.clear();
      for (const name of classNames) list.add(name, await toFiles(known.filter(({ className }) => className === name)));
    } catch (error) {
      say(sentence(error), "problem");
    } finally {
      samples.disabled = false;
    }
  }

  function addFolders(files: readonly File[]): void {
    const byFolder = new Map<string, File[]>();
    for (const file of files) {
      const parts = file.webkitRelativePath.split("/");
      if (parts.length < 3 || file.name.startsWith(".")) continue;
      const name = parts[1]!;
      byFolder.set(name, [...(byFolder.get(name) ?? []), file]);
    }
    if (byFolder.size === 0)
      say("That folder holds no folders with pictures: choose one that has a folder for each class.", "problem");
    for (const name of [...byFolder.keys()].sort()) list.add(name, byFolder.get(name)!);
  }

  function request(): TrainRequest {
    const { classes } = list;
    const unnamed = classes.find(({ name }) => name.trim() === "");
    if (unnamed) throw new Error("A class has no name: name it, or remove it.");
    const { names, problem } = readClassNames(classes.map(({ name }) => name).join("\n"));
    if (problem !== undefined) throw new Error(problem.replace(", one a line", ""));
    const numbers = readSettings(
      settings,
      classes.map(({ pictures }) => pictures.length),
    );
    return {
      ...numbers,
      classNames: names,
      pictures: classes.flatMap(({ pictures }, label) => pictures.map(({ name, file }) => ({ name, label, file }))),
    };
  }

  const keyOf = ({ pictures, ...rest }: TrainRequest): string =>
    JSON.stringify([rest, pictures.map(({ name, label, file }) => [name, label, file.size]), app.model()?.name]);

  function refresh(): void {
    fields.showDefaults(list.classes.map(({ pictures }) => pictures.length));
    resume.hidden = running !== undefined || cut === undefined;
  }

  async function run(from?: KeptTraining): Promise<void> {
    if (running) return;
    let asked: TrainRequest;
    try {
      asked = request();
      if (from && from.key !== keyOf(asked))
        throw new Error(
          "Pictures, settings or the model have changed since the training was cut off: train anew, or put them back.",
        );
    } catch (error) {
      state.textContent = sentence(error);
      state.className = "problem";
      return;
    }
    running = new AbortController();
    const { signal } = running;
    const points: CurvePoint[] = from ? [...from.points] : [];
    let redraw = 0;
    state.className = "";
    state.textContent = "Preparing …";
    start.disabled = true;
    stop.disabled = false;
    result.hidden = true;
    refresh();
    const key = keyOf(asked);
    const begin = performance.now();
    const before = points.length;
    const sleepAgain = await stayAwake();
    try {
      const done = await app.client.call(
        "train",
        { ...asked, ...(from && { resume: from.checkpoint }) },
        {
          signal,
          onProgress(step) {
            points.push(step);
            progress.max = step.total;
            progress.value = step.done;
            if (step.checkpoint) {
              cut = { key, checkpoint: step.checkpoint, points: [...points] };
              app.keep("training", cut);
            }
            const now = performance.now();
            if (now - redraw < 250 && step.done < step.total) return;
            redraw = now;
            const left = ((now - begin) / (points.length - before)) * (step.total - step.done);
            state.textContent = `Step ${step.done} of ${step.total}, loss ${step.loss.toFixed(4)}, about ${Math.ceil(left / 1000)} s to go.`;
            curve.hidden = false;
            curve.innerHTML = drawLossCurve(points, step.total);
          },
        },
      );
      cut = undefined;
      app.keep("training", undefined);
      state.textContent = `Trained in ${done.seconds.toFixed(1)} s: ${done.trained} pictures, ${points.length} steps, loss ${points.at(-1)?.loss.toFixed(4)}.`;
      take(promptOfTraining(done, asked.classNames));
    } catch (error) {
      const stopped = (error as Error).name === "AbortError";
      state.className = stopped ? "" : "problem";
      state.textContent = `${stopped ? "Stopped." : sentence(error)}${cut ? " What was trained so far is kept: “Go on” continues from there." : ""}`;
    } finally {
      sleepAgain();
      running = undefined;
      start.disabled = false;
      stop.disabled = true;
      refresh();
    }
  }

  function take(prompt: TrainedPrompt): void {
    show(prompt);
    onTrained(prompt);
  }

  function show(prompt: TrainedPrompt): void {
    trained = prompt;
    const { thresholds, classNames, note } = prompt;
    const names = classNames.join("\n");
    result.hidden = false;
    result.replaceChildren(
      h("h2", {}, "The prompt"),
      h("p", {}, prompt.name),
      h(
        "p",
        {},
        thresholds
          ? `One of the classes from GL-MCM ${thresholds.glmcm.toFixed(5)} or MCM ${thresholds.mcm.toFixed(5)}. ${note}`
          : "It brings no threshold: add known pictures in Detect.",
      ),
      h(
        "div",
        { className: "row" },
        h(
          "button",
          { type: "button", onclick: () => document.getElementById("tab-detect")?.click() },
          "Judge pictures by it",
        ),
        h(
          "button",
          { type: "button", className: "quiet", onclick: () => download(prompt.prompt, "prompt.safetensors") },
          "Download the prompt",
        ),
        names !== "" &&
          h(
            "button",
            { type: "button", className: "quiet", onclick: () => download(`${names}\n`, "classes.txt") },
            "Download the class names",
          ),
      ),
      h("p", { className: "hint" }, "On the command line:"),
      h(
        "pre",
        { tabIndex: 0, "aria-label": "Command" },
        `locoop detect --checkpoint prompt.safetensors --class-names classes.txt --weights WEIGHTS${thresholds ? ` --threshold ${thresholds.glmcm}` : ""} *.jpg`,
      ),
    );
  }

  async function openPrompt(file: File): Promise<void> {
    try {
      if (file.size > 2 ** 26)
        throw new Error(`${file.name} is too large for a prompt: larger weights are opened under “Model and device”.`);
      const bytes = new Uint8Array(await file.arrayBuffer());
      const opened = await app.client.call("prompt", { bytes, name: file.name });
      take(promptOfFile(bytes, opened));
      say(`Opened: ${opened.words}.`);
    } catch (error) {
      say(sentence(error), "problem");
    }
  }

  return {
    restore({ settings: kept, classes, training, trained: prompt }) {
      if (kept) settings = { ...emptySettings, ...kept };
      fields.fill(settings);
      const first = [
        { id: newId(), name: "", pictures: [] },
        { id: newId(), name: "", pictures: [] },
      ];
      list.fill(classes && classes.length > 0 ? classes : first);
      cut = training;
      if (cut) state.textContent = "A training was cut off: “Go on” continues from its last epoch.";
      if (prompt && !trained) show(prompt);
      refresh();
    },
  };
}

import type { App } from "../app.js";
import { h, sentence } from "../dom.js";
import { toImageData } from "../drawn-files.js";
import { drawOverlay } from "../heat-map.js";
import type { ComparedMethod, CompareRequest, Comparison } from "../messages.js";
import { stayAwake } from "../visits.js";
import { drawRoc } from "./roc-curve.js";

const fields: Readonly<Record<keyof CompareRequest, { label: string; usual: number; least: number; most: number }>> = {
  classes: { label: "Classes", usual: 10, least: 2, most: 50 },
  shots: { label: "Shots of each class", usual: 8, least: 1, most: 64 },
  pictures: { label: "Test pictures of each set", usual: 100, least: 10, most: 1000 },
  epochs: { label: "Epochs", usual: 25, least: 1, most: 500 },
  lambda: { label: "λ of LoCoOp", usual: 0.25, least: 0, most: 100 },
  seed: { label: "Seed", usual: 1, least: 0, most: 2 ** 31 },
};

/** The tab Compare. */
export interface CompareView {
  restore(kept?: Comparison): void;
}

/** Builds the tab into its panel. */
export function createCompareView(panel: HTMLElement, app: App): CompareView {
  let running: AbortController | undefined;
  const names = Object.keys(fields) as (keyof CompareRequest)[];
  const inputs = new Map(
    names.map((name) => [
      name,
      h("input", { id: `compare-${name}`, type: "text", inputMode: "decimal", value: String(fields[name].usual) }),
    ]),
  );
  const start = h("button", { type: "button", id: "compare-start", onclick: () => void run() }, "Compare");
  const stop = h(
    "button",
    { type: "button", className: "quiet", disabled: true, onclick: () => running?.abort() },
    "Stop",
  );
  const progress = h("progress", { max: 1, value: 0, "aria-label": "Comparison" });
  const state = h("p", { id: "compare-state", role: "status" });
  const result = h("div", { id: "compare-result" });
  panel.append(
    h(
      "p",
      {},
      "Pictures of animals are drawn, as are other things: plants, vehicles, scenes, textures, other animals. Three prompts say which is which: words (zero-shot), CoOp, which learns from a few pictures, and LoCoOp, which learns from what lies around the animals, too.",
    ),
    h(
      "fieldset",
      {},
      h("legend", {}, "How large"),
      h("div", { className: "fields" }, ...names.map((name) => h("label", {}, fields[name].label, inputs.get(name)!))),
    ),
    h("div", { className: "row" }, start, stop),
    progress,
    state,
    result,
  );

  function request(): CompareRequest {
    const entries = names.map((name) => {
      const { label, least, most } = fields[name];
      const text = inputs.get(name)!.value.trim().replace(",", ".");
      const value = Number(text);
      if (text === "" || !(value >= least && value <= most) || (name !== "lambda" && !Number.isInteger(value)))
        throw new Error(
          `“${label}” must be a ${name === "lambda" ? "" : "whole "}number from ${least} to ${most}, not “${text}”.`,
        );
      return [name, value] as const;
    });
    return Object.fromEntries(entries) as unknown as CompareRequest;
  }

  async function run(): Promise<void> {
    if (running) return;
    running = new AbortController();
    state.className = "";
    start.disabled = true;
    stop.disabled = false;
    const sleepAgain = await stayAwake();
    try {
      const found = await app.client.call("compare", request(), {
        signal: running.signal,
        onProgress({ stage, done, total }) {
          progress.max = total;
          progress.value = done;
          state.textContent = `${stage}: ${done} of ${total} …`;
        },
      });
      state.textContent = `Compared in ${found.seconds.toFixed(1)} s.`;
      app.keep("comparison", found);
      await show(found);
    } catch (error) {
      const stopped = (error as Error).name === "AbortError";
      state.className = stopped ? "" : "problem";
      state.textContent = stopped ? "Stopped." : sentence(error);
    } finally {
      sleepAgain();
      running = undefined;
      start.disabled = false;
      stop.disabled = true;
    }
  }

  async function show(found: Comparison): Promise<void> {
    const score = h(
      "select",
      { id: "compare-score", onchange: () => draw() },
      h("option", { value: "glmcm" }, "GL-MCM"),
      h("option", { value: "mcm" }, "MCM"),
    );
    const table = h("div", { tabIndex: 0, role: "region", "aria-label": "Results", style: "overflow-x: auto" });
    const roc = h("figure");
    const draw = (): void => {
      const chosen = score.value as "mcm" | "glmcm";
      table.replaceChildren(resultTable(found.methods, chosen));
      roc.innerHTML = drawRoc(found, chosen);
    };
    draw();
    result.replaceChildren(
      h("h2", {}, "What came out"),
      h("label", {}, "Score ", score),
      table,
      h(
        "p",
        { className: "hint" },
        "AUROC: how often a picture of the classes scores above another one; 50 % is guessing, 100 % is perfect. FPR95: how many others pass a threshold that 95 % of the classes pass; less is better. This is one seed and a small model: differences of a few points may be chance. Try other seeds.",
      ),
      roc,
      h("h2", {}, "Regions that are irrelevant to the class, by prompt"),
      h("ul", { className: "pictures" }, ...(await regionCards(found))),
    );
  }

  return {
    restore(kept) {
      if (kept) void show(kept);
    },
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function resultTable(methods: readonly ComparedMethod[], score: "mcm" | "glmcm"): HTMLTableElement {
  const setsOf = ({ scores }: ComparedMethod) => scores.find((entry) => entry.score === score)!.sets;
  const head = ["Prompt", "Accuracy", "AUROC", "FPR95", ...setsOf(methods[0]!).map(({ name }) => `AUROC, ${name}`)];
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)))),
    h(
      "tbody",
      {},
      ...methods.map((method) => {
        const sets = setsOf(method);
        const cells = [method.accuracy, mean(sets.map(({ auroc }) => auroc)), mean(sets.map(({ fpr }) => fpr))];
        return h(
          "tr",
          {},
          h("th", { scope: "row" }, method.name),
          ...[...cells, ...sets.map(({ auroc }) => auroc)].map((value) =>
            h("td", { "data-value": value }, percent(value)),
          ),
        );
      }),
    ),
  );
}

async function regionCards({ regions, methods }: Comparison): Promise<HTMLLIElement[]> {
  return Promise.all(
    regions.map(async ({ picture, masks, square }) => {
      const bitmap = await createImageBitmap(toImageData(picture));
      const { width, height, className } = picture;
      const figures = masks.map((irrelevant, i) => {
        const share = irrelevant.reduce((sum, value) => sum + value, 0) / irrelevant.length;
        const caption = `${methods[i]!.name}: ${percent(share)}`;
        const canvas = h("canvas", { role: "img", "aria-label": `${className}, ${caption} of the regions irrelevant` });
        const verdict = {
          id: "",
          label: 0,
          confidence: 0,
          mcm: 0,
          glmcm: 0,
          cosines: new Float32Array(1),
          local: new Float32Array(0),
          irrelevant,
        };
        drawOverlay(canvas, bitmap, {
          info: { width, height, square, milliseconds: 0 },
          verdict,
          label: 0,
          show: "regions",
        });
        return h("figure", {}, canvas, h("figcaption", { className: "hint" }, caption));
      });
      bitmap.close();
      return h("li", { className: "card" }, h("h3", {}, className), ...figures);
    }),
  );
}

import { h } from "../dom.js";
import { drawOverlay } from "../heat-map.js";
import type { PictureInfo, Verdict } from "../messages.js";
import type { DetectSettings } from "./settings.js";
import type { Threshold } from "./threshold.js";

/** What a card shows beside its picture. */
export interface CardContent {
  readonly verdict: Verdict;
  readonly classNames: readonly string[];
  readonly settings: DetectSettings;
  readonly threshold: Threshold;
}

/** A picture with its verdict. */
export interface PictureCard {
  readonly element: HTMLLIElement;
  /** Gives the sentence on it, for screen readers. */
  update(content: CardContent): string;
  dispose(): void;
}

/** Makes the card of one picture. */
export async function createPictureCard({
  name,
  file,
  info,
  onRemove,
}: {
  name: string;
  file: Blob;
  info: PictureInfo;
  onRemove: () => void;
}): Promise<PictureCard> {
  // As the model sees it: without the orientation that the file asks for. The library's types do not know the word.
  const bitmap = await createImageBitmap(file, { imageOrientation: "none" as ImageOrientation });
  const canvas = h("canvas", { role: "img", "aria-label": name });
  const line = h("p", { className: "verdict" });
  const body = h("tbody");
  const select = h("select", { onchange: () => draw() });
  const heatOf = h("label", {}, "Heat map of ", select);
  let content: CardContent | undefined;

  const draw = (): void => {
    const { verdict, settings } = content ?? {};
    drawOverlay(canvas, bitmap, { info, verdict, label: Number(select.value || 0), show: settings?.show ?? "none" });
  };
  draw();

  return {
    element: h(
      "li",
      { className: "card" },
      canvas,
      h("h2", {}, name),
      line,
      h("table", {}, body),
      heatOf,
      h("button", { type: "button", className: "quiet", "aria-label": `Remove ${name}`, onclick: onRemove }, "Remove"),
    ),
    update(next) {
      const label = chosenLabel(content, next, select.value);
      content = next;
      const { verdict, classNames, settings } = next;
      select.replaceChildren(...classNames.map((text, i) => h("option", { value: String(i) }, text)));
      select.value = String(label);
      heatOf.hidden = settings.show !== "heat";
      const { words, known } = describeVerdict(next);
      line.textContent = words;
      line.dataset.known = known;
      body.replaceChildren(
        valueRow("Confidence among the classes", "confidence", verdict.confidence, (x) => `${(100 * x).toFixed(1)} %`),
        valueRow("MCM", "mcm", verdict.mcm, (x) => x.toFixed(5)),
        valueRow("GL-MCM", "glmcm", verdict.glmcm, (x) => x.toFixed(5)),
      );
      canvas.setAttribute("aria-label", `${name}: ${words}`);
      draw();
      return `${name}: ${words}.`;
    },
    dispose: () => bitmap.close(),
  };
}

/** The class of the heat map: the verdict's, unless another one was chosen from the same list. */
function chosenLabel(before: CardContent | undefined, next: CardContent, chosen: string): number {
  const same = before?.classNames.join("\n") === next.classNames.join("\n");
  return before && same && Number(chosen) !== before.verdict.label ? Number(chosen) : next.verdict.label;
}

function describeVerdict({ verdict, classNames, settings, threshold: { value } }: CardContent) {
  const label = classNames[verdict.label]!;
  if (value === undefined) return { words: `Most like ${label}`, known: "" };
  return verdict[settings.score] >= value
    ? { words: label, known: "yes" }
    : { words: `None of these (most like ${label})`, known: "no" };
}

function valueRow(title: string, key: string, value: number, show: (value: number) => string): HTMLTableRowElement {
  return h("tr", {}, h("th", { scope: "row" }, title), h("td", { "data-key": key, "data-value": value }, show(value)));
}

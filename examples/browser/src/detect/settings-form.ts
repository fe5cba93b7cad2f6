import type { TrainedPrompt } from "../app.js";
import { h } from "../dom.js";
import { dropZone } from "../drop-zone.js";
import { detectDefaults, type DetectSettings } from "./settings.js";
import type { Threshold } from "./threshold.js";

/** The left column of Detect. */
export interface SettingsForm {
  readonly element: HTMLElement;
  fill(settings: DetectSettings, trained?: TrainedPrompt): void;
  /** A sentence on the classes or the prompt; none: all is well. */
  showProblem(problem?: string): void;
  showThreshold(threshold: Threshold, known: number): void;
  /** The words that are used where none are typed. */
  showTemplate(text: string): void;
}

/** Builds the form; every change is told at once. */
export function createSettingsForm({
  onChange,
  onKnown,
  onForgetKnown,
}: {
  onChange: (settings: DetectSettings) => void;
  onKnown: (files: File[]) => void;
  onForgetKnown: () => void;
}): SettingsForm {
  let settings = detectDefaults;
  const change = (part: Partial<DetectSettings>): void => {
    settings = { ...settings, ...part };
    onChange(settings);
  };
  const classes = h("textarea", {
    id: "classes",
    spellcheck: false,
    "aria-describedby": "classes-problem",
    oninput: () => change({ classText: classes.value }),
  });
  const problem = h("p", { id: "classes-problem", className: "problem" });
  const template = h("input", { id: "template", type: "text", oninput: () => change({ template: template.value }) });
  const byTemplate = radio("prompt", "template", "Words; {} stands for the name", () => change({ prompt: "template" }));
  const byTrained = radio("prompt", "trained", "Trained prompt", () => change({ prompt: "trained" }));
  const trainedNote = h("p", { className: "hint" }, "None yet: train one, or open its file, in the tab Train.");
  const scores = {
    glmcm: radio("score", "glmcm", "GL-MCM: picture and regions", () => change({ score: "glmcm" })),
    mcm: radio("score", "mcm", "MCM: the picture as a whole", () => change({ score: "mcm" })),
  };
  const threshold = h("input", {
    id: "threshold",
    type: "text",
    inputMode: "decimal",
    "aria-describedby": "threshold-note",
    oninput: () => change({ threshold: threshold.value }),
  });
  const note = h("p", { id: "threshold-note", className: "hint" });
  const forget = h(
    "button",
    { type: "button", className: "quiet", hidden: true, onclick: onForgetKnown },
    "Forget the known pictures",
  );
  const shows = {
    heat: radio("show", "heat", "Heat map: orange for the class, blue against it", () => change({ show: "heat" })),
    regions: radio("show", "regions", "Irrelevant regions, darkened", () => change({ show: "regions" })),
    none: radio("show", "none", "Picture alone", () => change({ show: "none" })),
  };
  const section = (title: string, ...children: Node[]): HTMLFieldSetElement =>
    h("fieldset", {}, h("legend", {}, title), ...children);
  const element = h(
    "form",
    { "aria-label": "What to look for", onsubmit: (event: Event) => event.preventDefault() },
    h("label", { htmlFor: "classes" }, "Classes, one a line"),
    classes,
    problem,
    section(
      "Prompt",
      byTemplate.label,
      h("label", { htmlFor: "template", className: "hint" }, "The words"),
      template,
      byTrained.label,
      trainedNote,
    ),
    section("Score that decides", scores.glmcm.label, scores.mcm.label),
    section(
      "Threshold",
      h("label", { htmlFor: "threshold" }, "One of the classes from"),
      threshold,
      note,
      dropZone({ id: "known", label: "Known pictures of your classes, to calibrate on", onFiles: onKnown }),
      forget,
    ),
    section("Over the picture", shows.heat.label, shows.regions.label, shows.none.label),
  );

  return {
    element,
    fill(next, trained) {
      settings = next;
      classes.value = next.classText;
      template.value = next.template;
      threshold.value = next.threshold;
      byTrained.input.disabled = trained === undefined;
      if (trained) trainedNote.textContent = trained.name;
      (next.prompt === "trained" && trained ? byTrained : byTemplate).input.checked = true;
      scores[next.score].input.checked = true;
      shows[next.show].input.checked = true;
    },
    showProblem(text) {
      problem.textContent = text ?? "";
      classes.setAttribute("aria-invalid", String(text !== undefined));
    },
    showThreshold({ value, note: words }, known) {
      threshold.placeholder = value === undefined ? "" : value.toFixed(5);
      note.textContent = words;
      forget.hidden = known === 0;
    },
    showTemplate(text) {
      template.placeholder = text;
    },
  };
}

function radio(name: string, value: string, text: string, onSelect: () => void) {
  const input = h("input", { type: "radio", name, value, onchange: onSelect });
  return { input, label: h("label", {}, input, text) };
}

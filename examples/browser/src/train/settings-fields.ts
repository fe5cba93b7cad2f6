import { h } from "../dom.js";
import { defaultsFor, emptySettings, fields, type TrainSettings } from "./settings.js";

/** The numbers of a training on the page. */
export interface SettingsFields {
  readonly element: HTMLElement;
  fill(settings: TrainSettings): void;
  /** Shows what an empty field means. */
  showDefaults(counts: readonly number[]): void;
}

/** Builds the fields: the usual ones, and the rest folded away. */
export function createSettingsFields(onChange: (settings: TrainSettings) => void): SettingsFields {
  let settings = emptySettings;
  const names = Object.keys(fields) as (keyof TrainSettings)[];
  const inputs = new Map(
    names.map((name) => {
      const input = h("input", {
        id: `train-${name}`,
        type: "text",
        inputMode: "decimal",
        oninput: () => {
          settings = { ...settings, [name]: input.value };
          onChange(settings);
        },
      });
      return [name, input] as const;
    }),
  );
  const show = (more: boolean): HTMLElement =>
    h(
      "div",
      { className: "fields" },
      ...names
        .filter((name) => Boolean(fields[name].more) === more)
        .map((name) => h("label", {}, fields[name].label, inputs.get(name)!)),
    );
  return {
    element: h(
      "fieldset",
      {},
      h("legend", {}, "Settings; empty fields take what is shown"),
      show(false),
      h("details", {}, h("summary", {}, "More"), show(true)),
    ),
    fill(next) {
      settings = next;
      for (const [name, input] of inputs) input.value = next[name];
    },
    showDefaults(counts) {
      const defaults = defaultsFor(counts);
      for (const [name, input] of inputs) input.placeholder = String(defaults[name]);
    },
  };
}

import { newId, type App, type KeptPicture, type TrainedPrompt } from "../app.js";
import { readClassNames } from "../class-names.js";
import { debounce, h, say, sentence } from "../dom.js";
import { toFiles } from "../drawn-files.js";
import { dropZone } from "../drop-zone.js";
import type { Prompt, Verdict } from "../messages.js";
import { cameraControl } from "./camera.js";
import { createPictureCard, type PictureCard } from "./picture-card.js";
import { createSettingsForm } from "./settings-form.js";
import { detectDefaults, type DetectSettings } from "./settings.js";
import { thresholdFor } from "./threshold.js";

/** What an earlier visit left. */
export interface KeptDetect {
  readonly settings?: DetectSettings;
  readonly pictures?: readonly KeptPicture[];
  readonly known?: readonly KeptPicture[];
  readonly trained?: TrainedPrompt;
}

/** The tab Detect. */
export interface DetectView {
  restore(kept: KeptDetect): Promise<void>;
  /** A model was opened: every verdict is another. */
  refresh(): Promise<void>;
  /** Takes a trained prompt and judges by it. */
  use(trained: TrainedPrompt): void;
}

/** Builds the tab into its panel. */
export function createDetectView(panel: HTMLElement, app: App): DetectView {
  let settings = detectDefaults;
  let trained: TrainedPrompt | undefined;
  const cards = new Map<string, { picture: KeptPicture; card: PictureCard }>();
  let known: readonly KeptPicture[] = [];
  let asked = 0;

  const list = h("ul", { className: "pictures", "aria-label": "Pictures" });
  const form = createSettingsForm({
    onChange(next) {
      settings = next;
      app.keep("detect", settings);
      judgeSoon();
    },
    onKnown: (files) => void addKnown(files),
    onForgetKnown: () => void forgetKnown(),
  });
  const drop = dropZone({
    id: "pictures",
    label: "Drop pictures here, or choose them",
    hint: "JPEG, PNG, WebP, AVIF or GIF. The white square shows what the model looks at.",
    onFiles: (files) => void addFiles(files),
  });
  const camera = cameraControl({
    onPicture: (file) => void addFiles([file]),
    onProblem: (text) => say(text, "problem"),
  });
  const samples = h(
    "button",
    { type: "button", className: "quiet", id: "samples", onclick: () => void addSamples() },
    "Try it with drawn pictures",
  );
  camera.append(samples);
  panel.append(h("div", { className: "columns" }, form.element, h("div", {}, drop, camera, list)));

  async function addSamples(): Promise<void> {
    samples.disabled = true;
    try {
      const drawn = await app.client.call("samples", { seed: 1, perClass: 6 });
      settings = { ...settings, classText: drawn.classNames.join("\n"), prompt: "template" };
      app.keep("detect", settings);
      form.fill(settings, trained);
      await addKnown(await toFiles(drawn.known));
      await addFiles(await toFiles(drawn.unseen));
    } catch (error) {
      say(sentence(error), "problem");
    } finally {
      samples.disabled = false;
    }
  }

  async function addFiles(files: readonly File[]): Promise<void> {
    const problems = await show(files.map((file) => ({ id: newId(), name: file.name, file })));
    keepPictures();
    await judge(problems);
  }

  /** Shows pictures that can be read; gives sentences on the others. */
  async function show(pictures: readonly KeptPicture[]): Promise<string[]> {
    const problems: string[] = [];
    for (const picture of pictures) {
      const { id, name, file } = picture;
      try {
        const info = await app.client.call("add", picture);
        const card = await createPictureCard({ name, file, info, onRemove: () => remove(id) });
        cards.set(id, { picture, card });
        list.append(card.element);
      } catch (error) {
        problems.push(sentence(error));
      }
    }
    return problems;
  }

  function remove(id: string): void {
    const found = cards.get(id);
    found?.card.element.remove();
    found?.card.dispose();
    cards.delete(id);
    void app.client.call("forget", { ids: [id] });
    keepPictures();
    say(`${found?.picture.name} was removed.`);
    document.getElementById("pictures")?.focus();
  }

  const keepPictures = (): void =>
    app.keep(
      "pictures",
      [...cards.values()].map(({ picture }) => picture),
    );

  async function addKnown(files: readonly File[]): Promise<void> {
    const good: KeptPicture[] = [];
    const problems: string[] = [];
    for (const file of files) {
      const picture = { id: newId(), name: file.name, file };
      try {
        await app.client.call("add", picture);
        good.push(picture);
      } catch (error) {
        problems.push(sentence(error));
      }
    }
    known = [...known, ...good];
    app.keep("known", known);
    await judge(problems);
  }

  async function forgetKnown(): Promise<void> {
    void app.client.call("forget", { ids: known.map(({ id }) => id) });
    known = [];
    app.keep("known", undefined);
    await judge();
  }

  const judgeSoon = debounce(150, () => void judge());

  async function judge(problems: readonly string[] = []): Promise<void> {
    if (problems.length > 0) say(problems.join(" "), "problem");
    const model = app.model();
    if (!model) return;
    const { names: classNames, problem } = readClassNames(settings.classText);
    form.showProblem(problem);
    if (problem !== undefined) return;
    const prompt: Prompt =
      settings.prompt === "trained" && trained
        ? { kind: "trained", bytes: trained.prompt }
        : { kind: "template", text: settings.template.trim() || model.template };
    const now = ++asked;
    const shown = [...cards.keys()];
    const ids = [...shown, ...known.map(({ id }) => id)];
    let verdicts: readonly Verdict[];
    try {
      verdicts = await app.client.call("judge", { ids, classNames, prompt });
    } catch (error) {
      if (now === asked) form.showProblem(sentence(error));
      return;
    }
    if (now !== asked) return; // something else was asked meanwhile
    const threshold = thresholdFor(settings, { trained, known: verdicts.slice(shown.length) });
    form.showThreshold(threshold, known.length);
    const lines = shown.map((id, i) =>
      cards.get(id)?.card.update({ verdict: verdicts[i]!, classNames, settings, threshold }),
    );
    if (lines.length > 0 && problems.length === 0 && !panel.hidden) say(lines.slice(-5).join(" "));
  }

  return {
    async restore(kept) {
      if (kept.settings) settings = { ...detectDefaults, ...kept.settings };
      trained = kept.trained;
      known = kept.known ?? [];
      form.fill(settings, trained);
      for (const picture of known) await app.client.call("add", picture).catch(() => {});
      await judge(await show((kept.pictures ?? []).filter(({ id }) => !cards.has(id))));
    },
    async refresh() {
      form.showTemplate(app.model()?.template ?? "");
      await judge();
    },
    use(prompt) {
      trained = prompt;
      const named = prompt.classNames.length > 0 && { classText: prompt.classNames.join("\n") };
      settings = { ...settings, prompt: "trained", threshold: "", ...named };
      app.keep("detect", settings);
      app.keep("trained", trained);
      form.fill(settings, trained);
      void judge();
    },
  };
}

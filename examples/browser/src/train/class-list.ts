import { newId, type KeptPicture } from "../app.js";
import { h } from "../dom.js";
import { dropZone } from "../drop-zone.js";

/** A class and its pictures. */
export interface TrainClass {
  readonly id: string;
  name: string;
  pictures: readonly KeptPicture[];
}

/** The classes of a training on the page. */
export interface ClassList {
  readonly element: HTMLElement;
  readonly classes: readonly TrainClass[];
  fill(classes: readonly TrainClass[]): void;
  clear(): void;
  /** Adds a class, or pictures to the class of that name. */
  add(name: string, files: readonly File[]): void;
}

/** Builds the list; every change is told. */
export function createClassList({
  onChange,
  check,
}: {
  onChange: () => void;
  /** Gives the sentence on a file that is no picture. */
  check: (picture: KeptPicture) => Promise<string | undefined>;
}): ClassList {
  let classes: TrainClass[] = [];
  const list = h("div", { className: "pictures" });
  const adding = h(
    "button",
    {
      type: "button",
      className: "quiet",
      onclick: () => {
        const added = show({ id: newId(), name: "", pictures: [] });
        added.querySelector<HTMLInputElement>("input")!.focus();
        onChange();
      },
    },
    "Add a class",
  );
  const element = h("div", {}, list, h("p", {}, adding));

  function show(entry: TrainClass): HTMLElement {
    classes.push(entry);
    const name = h("input", {
      id: `class-${entry.id}`,
      type: "text",
      value: entry.name,
      oninput: () => {
        entry.name = name.value;
        onChange();
      },
    });
    const count = h("p", { className: "hint" });
    const problem = h("p", { className: "problem" });
    const thumbs = h("ul", { className: "thumbs", "aria-label": "Its pictures" });
    const refresh = (): void => {
      const { length } = entry.pictures;
      count.textContent = length === 0 ? "No picture yet." : `${length} ${length === 1 ? "picture" : "pictures"}.`;
      for (const old of thumbs.querySelectorAll("img")) URL.revokeObjectURL(old.src);
      thumbs.replaceChildren(
        ...entry.pictures.map((picture) =>
          h(
            "li",
            {},
            h("img", {
              src: URL.createObjectURL(picture.file),
              alt: picture.name,
              title: picture.name,
              loading: "lazy",
            }),
          ),
        ),
      );
    };
    const take = async (files: readonly File[]): Promise<void> => {
      const problems: string[] = [];
      const good: KeptPicture[] = [];
      for (const file of files) {
        const picture = { id: newId(), name: file.name, file };
        const wrong = await check(picture);
        if (wrong === undefined) good.push(picture);
        else problems.push(wrong);
      }
      const known = new Set(entry.pictures.map((picture) => picture.name));
      const twice = good.filter((picture) => known.has(picture.name)).map((picture) => picture.name);
      if (twice.length > 0) problems.push(`Already there by name, left out: ${twice.join(", ")}.`);
      entry.pictures = [...entry.pictures, ...good.filter((picture) => !known.has(picture.name))];
      problem.textContent = problems.join(" ");
      refresh();
      onChange();
    };
    const card = h(
      "div",
      { className: "card", role: "group", "aria-label": "A class" },
      h("label", { htmlFor: name.id }, "Name of the class"),
      name,
      dropZone({ id: `pictures-${entry.id}`, label: "Its pictures", onFiles: (files) => void take(files) }),
      count,
      problem,
      thumbs,
      h(
        "button",
        {
          type: "button",
          className: "quiet",
          onclick: () => {
            classes = classes.filter((other) => other !== entry);
            card.remove();
            adding.focus();
            onChange();
          },
        },
        "Remove the class",
      ),
    );
    adders.set(entry, take);
    refresh();
    list.append(card);
    return card;
  }

  const clear = (): void => {
    classes = [];
    list.replaceChildren();
  };
  const adders = new Map<TrainClass, (files: readonly File[]) => Promise<void>>();
  return {
    element,
    get classes() {
      return classes;
    },
    clear,
    fill(next) {
      clear();
      for (const entry of next) show({ ...entry });
    },
    add(name, files) {
      let entry = classes.find((other) => other.name === name);
      if (!entry) {
        entry = { id: newId(), name, pictures: [] };
        show(entry);
      }
      void adders.get(entry)!(files);
    },
  };
}

type Child = Node | string | false | undefined;

/** Makes an element: properties are set, `aria-` and other attributes with a dash or of their own names as attributes, `on...` as listeners. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Readonly<Record<string, string | number | boolean | object | undefined>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else if (name.includes("-") || !(name in element) || name === "list") element.setAttribute(name, value as string);
    else Object.assign(element, { [name]: value });
  }
  element.append(...children.filter((child): child is Node | string => child !== undefined && child !== false));
  return element;
}

/** The element with an id, which the page's HTML has. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element "${id}"`);
  return found as T;
}

/** Calls back once, a while after the last of many calls. */
export function debounce(milliseconds: number, callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(callback, milliseconds);
  };
}

/** Says something to everyone: in the line at the bottom, which screen readers read out. */
export function say(text: string, kind: "note" | "problem" = "note"): void {
  const line = byId("message");
  line.textContent = text;
  line.dataset.kind = kind;
}

/** The sentence of an error; a file's name at its beginning stays as it is. */
export function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const first = /^\S+\.\S/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

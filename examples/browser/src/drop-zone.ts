import { h } from "./dom.js";

/** A place where files are dropped, pasted or picked; a label and a file input do the same by keyboard. */
export function dropZone({
  id,
  label,
  hint,
  accept = "image/*",
  onFiles,
}: {
  id: string;
  label: string;
  hint?: string;
  accept?: string;
  onFiles: (files: File[]) => void;
}): HTMLDivElement {
  const input = h("input", {
    id,
    type: "file",
    multiple: true,
    accept,
    onchange: () => {
      const files = [...(input.files ?? [])];
      input.value = ""; // the same file can be picked again
      if (files.length > 0) onFiles(files);
    },
  });
  const zone = h(
    "div",
    { className: "drop" },
    h("label", { htmlFor: id }, label),
    input,
    hint !== undefined && h("p", { className: "hint" }, hint),
  );
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.dataset.over = "";
  });
  zone.addEventListener("dragleave", () => delete zone.dataset.over);
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    delete zone.dataset.over;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) onFiles(files);
  });
  return zone;
}

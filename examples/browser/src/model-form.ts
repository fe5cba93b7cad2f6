import { byId, say, sentence } from "./dom.js";
import type { ModelChoice, ModelInfo } from "./messages.js";

/** The fields for model and device; `open` opens what they say. */
export function startModelForm(open: (choice: ModelChoice) => Promise<ModelInfo>): void {
  const device = byId<HTMLSelectElement>("device");
  const weights = byId<HTMLInputElement>("weights");
  const url = byId<HTMLInputElement>("weights-url");
  const buttons = [byId<HTMLButtonElement>("open-model"), byId<HTMLButtonElement>("open-embedded")];
  const run = async (choice: ModelChoice): Promise<void> => {
    for (const button of buttons) button.disabled = true;
    try {
      const { name, notices } = await open(choice);
      say([`Open: ${name}.`, ...notices].join(" "));
    } catch (error) {
      say(`${sentence(error)} The model that was open still is.`, "problem");
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  };
  const wanted = (): ModelChoice["device"] => device.value as ModelChoice["device"];
  buttons[0]!.addEventListener("click", () => {
    const files = [...(weights.files ?? [])];
    void run({ device: wanted(), ...(files.length > 0 ? { files } : url.value ? { url: url.value } : {}) });
  });
  buttons[1]!.addEventListener("click", () => {
    weights.value = "";
    url.value = "";
    void run({ device: wanted() });
  });
}

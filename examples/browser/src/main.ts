import type { App, KeptPicture, TrainedPrompt } from "./app.js";
import { createClient } from "./client.js";
import { createCompareView } from "./compare/view.js";
import { createDetectView } from "./detect/view.js";
import type { DetectSettings } from "./detect/settings.js";
import { byId, say, sentence } from "./dom.js";
import type { Comparison, ModelChoice, ModelInfo } from "./messages.js";
import { startModelForm } from "./model-form.js";
import { load, save } from "./store.js";
import { startTabs } from "./tabs.js";
import type { TrainClass } from "./train/class-list.js";
import type { TrainSettings } from "./train/settings.js";
import { createTrainView, type KeptTraining } from "./train/view.js";
import { keepForLater, watchLongTasks } from "./visits.js";

let model: ModelInfo | undefined;
const status = byId("engine");

const client = createClient({
  onRestart(reason) {
    say(`${reason} It goes on with the small model; nothing that you typed or trained is lost.`, "problem");
    void open({ device: "wasm" })
      .then(start)
      .catch((error: unknown) => say(sentence(error), "problem"));
  },
  onModel(opened) {
    model = opened;
    showEngine();
    say("The graphics device was lost. The work goes on with WebAssembly, and nothing is lost.", "problem");
  },
});

const app: App = {
  client,
  model: () => model,
  keep: (name, value) => void save(name, value, (reason) => say(reason, "problem")),
};
const detect = createDetectView(byId("panel-detect"), app);
const compare = createCompareView(byId("panel-compare"), app);
const train = createTrainView(byId("panel-train"), app, { onTrained: (prompt) => detect.use(prompt) });

/** `?device=wasm` or `webgpu` chooses at once. */
function deviceFromAddress(): ModelChoice["device"] {
  const asked = new URLSearchParams(location.search).get("device");
  return asked === "wasm" || asked === "webgpu" ? asked : "auto";
}

async function open(wanted: ModelChoice): Promise<ModelInfo> {
  const opened = await client
    .call("open", wanted, {
      onProgress: ({ done, total }) => {
        const most = total > 0 ? ` of ${(total / 1e6).toFixed(1)}` : "";
        status.textContent = `Loading the model: ${(done / 1e6).toFixed(1)}${most} MB …`;
      },
    })
    .catch((error: unknown) => {
      showEngine();
      throw error;
    });
  model = opened;
  showEngine();
  await detect.refresh();
  return opened;
}

function showEngine(): void {
  status.textContent = model ? `Computing on ${model.engine}, with ${model.name}.` : "No model is open.";
  status.dataset.ready = String(model !== undefined);
}

async function start(): Promise<void> {
  const [settings, pictures, known, trained] = await Promise.all([
    load<DetectSettings>("detect"),
    load<KeptPicture[]>("pictures"),
    load<KeptPicture[]>("known"),
    load<TrainedPrompt>("trained"),
  ]);
  const [trainSettings, classes, training] = await Promise.all([
    load<TrainSettings>("train"),
    load<TrainClass[]>("classes"),
    load<KeptTraining>("training"),
  ]);
  compare.restore(await load<Comparison>("comparison"));
  train.restore({ settings: trainSettings, classes, training, trained });
  await detect.restore({ settings, pictures, known, trained });
  status.dataset.restored = "true";
}

startTabs(document.querySelector<HTMLElement>('[role="tablist"]')!, () => say(""));
startModelForm(open);
try {
  await open({ device: deviceFromAddress() });
} catch (error) {
  say(`${sentence(error)} The page goes on with WebAssembly.`, "problem");
  await open({ device: "wasm" }).catch((reason: unknown) => say(sentence(reason), "problem"));
}
await start();
watchLongTasks((longest, count) => {
  byId("long-tasks").textContent =
    `Tasks of more than 50 ms on the page's own thread: ${count}, the longest ${Math.round(longest)} ms.`;
});
await keepForLater();

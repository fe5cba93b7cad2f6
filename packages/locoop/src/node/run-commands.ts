import type { Run } from "./run-folder.js";

/** A word of a command line, quoted where a shell would read it otherwise. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The command that trains a run again, as its folder records it. */
export function trainCommand({ dir, config, detector }: Pick<Run, "dir" | "config" | "detector">): string {
  const { settings, model, data, scores } = config;
  const own: Record<string, string> = {
    contexts: "--contexts",
    position: "--position",
    init: "--init",
    template: "--template",
  };
  const builtIn = ["coop", "template"].includes(settings.learner);
  const learnerWords = Object.entries(settings.learnerOptions).flatMap(([name, value]): string[] => {
    if (value === undefined || value === null || value === false || value === "") return [];
    const text = typeof value === "string" ? value : JSON.stringify(value);
    if (!builtIn) return ["--learner-option", `${name}=${text}`];
    if (name === "classSpecific") return ["--class-specific"];
    return own[name] === undefined ? [] : [own[name], text];
  });
  const words = [
    ["--data", data.root],
    ["--weights", model.weights],
    ["--shots", String(settings.shots)],
    ["--seed", String(settings.seed)],
    ["--learner", settings.learner],
    learnerWords,
    settings.loss === "locoop" ? ["--lambda", String(settings.lambda), "--top-k", String(settings.topK)] : [],
    [
      "--epochs",
      String(settings.epochs),
      "--batch-size",
      String(settings.batchSize),
      "--lr",
      String(settings.learningRate),
    ],
    ["--views", String(settings.views), "--crop", settings.crop.join(",")],
    ["--score", scores.join(",")],
    ["--out", dir],
  ].flat();
  const command = ["locoop", "train", ...words].map(quote).join(" ");
  // The folder itself is not recorded, only what its pictures are.
  return detector.origin === "folder"
    ? `${command} --calibration DIR  # ${detector.source.replace(/\s+/g, " ")}`
    : command;
}
